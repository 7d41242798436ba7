// TIFF decoding for Python: paths or bytes in, arrays out, without the GIL in between.
#include "bind.hpp"

#include "kinfast/errors.hpp"
#include "kinfast/parallel/parallel_for.hpp"
#include "kinfast/tiff/decode.hpp"
#include "kinfast/tiff/message.hpp"
#include "kinfast/tiff/page.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace py = pybind11;

namespace kinfast::bindings {
namespace {

using tiff::PageInfo;

// What Python gave: a path, or borrowed bytes. `keep` holds the bytes object while the GIL is
// released.
struct Input {
  std::string path;
  std::span<const std::byte> bytes;
  py::object keep;
  bool is_path = false;
};

Input to_input(const py::handle& source) {
  Input input;
  if (py::isinstance<py::bytes>(source)) {
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(source.ptr(), &data, &size) != 0) {
      throw py::error_already_set();
    }
    input.bytes = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
    input.keep = py::reinterpret_borrow<py::object>(source);
    return input;
  }
  if (!py::isinstance<py::str>(source)) {
    throw py::type_error("source: wanted str or bytes");
  }
  PyObject* encoded = nullptr; // as the operating system spells file names
  if (PyUnicode_FSConverter(source.ptr(), &encoded) == 0) {
    throw py::error_already_set();
  }
  input.path = py::reinterpret_steal<py::bytes>(encoded);
  input.is_path = true;
  return input;
}

void open(tiff::Source& source, const Input& input) {
  if (input.is_path) {
    source.open(input.path);
  } else {
    source.borrow(input.bytes);
  }
}

std::vector<py::ssize_t> shape_of(const PageInfo& info) {
  std::vector<py::ssize_t> shape = {static_cast<py::ssize_t>(info.height),
                                    static_cast<py::ssize_t>(info.width)};
  if (info.depth > 1) {
    shape.insert(shape.begin(), static_cast<py::ssize_t>(info.depth));
  }
  if (info.has_sample_axis) {
    shape.insert(info.planar ? shape.begin() : shape.end(), static_cast<py::ssize_t>(info.samples));
  }
  return shape;
}

std::string text_of(const std::vector<py::ssize_t>& shape) {
  return py::str(py::tuple(py::cast(shape)));
}

std::span<std::byte> bytes_of(py::array& array) {
  return {static_cast<std::byte*>(array.mutable_data()), static_cast<std::size_t>(array.nbytes())};
}

py::array make_array(const PageInfo& info) {
  return {py::dtype(tiff::dtype_name(info)), shape_of(info)};
}

void check_out(const py::array& out, const PageInfo& info) {
  const py::dtype wanted(tiff::dtype_name(info));
  if (!out.dtype().equal(wanted)) {
    throw py::type_error(tiff::message("out: found dtype ", std::string(py::str(out.dtype())),
                                       ", wanted ", tiff::dtype_name(info)));
  }
  const std::vector<py::ssize_t> found(out.shape(), out.shape() + out.ndim());
  if (found != shape_of(info)) {
    throw py::value_error(
        tiff::message("out: found shape ", text_of(found), ", wanted ", text_of(shape_of(info))));
  }
  if ((out.flags() & py::array::c_style) == 0 || !out.writeable()) {
    throw py::value_error(
        "out: found an array that is read-only or not C-contiguous, wanted one to write into");
  }
}

std::size_t to_page(py::ssize_t page) {
  if (page < 0) {
    throw py::index_error(tiff::message("page ", page, ": wanted 0 or more"));
  }
  return static_cast<std::size_t>(page);
}

PageInfo read_info(const py::object& source, py::ssize_t page) {
  const Input input = to_input(source);
  const std::size_t index = to_page(page);
  const py::gil_scoped_release release; // below this line no Python object is touched
  tiff::Source bytes;
  open(bytes, input);
  return tiff::read_page_info(bytes, index, tiff::Limits{});
}

py::array decode(const py::object& source, py::ssize_t page, std::optional<py::array> out) {
  const Input input = to_input(source);
  const std::size_t index = to_page(page);
  tiff::Source bytes;
  tiff::Page parsed;
  {
    const py::gil_scoped_release release; // below this line no Python object is touched
    open(bytes, input);
    parsed = tiff::read_page(bytes, index, tiff::Limits{});
  }
  py::array result = out ? *out : make_array(parsed.info);
  if (out) {
    check_out(result, parsed.info);
  }
  const auto pixels = bytes_of(result);
  {
    const py::gil_scoped_release release; // below this line no Python object is touched
    tiff::Decoder().decode_into(bytes, parsed, pixels);
  }
  return result;
}

// What Python would see raised.
py::object to_exception(const std::exception_ptr& error) {
  const auto make = [](const char* kind, const std::exception& cause) {
    return py::module_::import("kinfast._native").attr(kind)(cause.what());
  };
  const auto make_builtin = [](PyObject* kind, const std::exception& cause) {
    return py::reinterpret_borrow<py::object>(kind)(cause.what());
  };
  try {
    std::rethrow_exception(error);
  } catch (const FormatError& cause) {
    return make("FormatError", cause);
  } catch (const UnsupportedError& cause) {
    return make("UnsupportedError", cause);
  } catch (const LimitsError& cause) {
    return make("LimitsError", cause);
  } catch (const IoError& cause) {
    return make("IoError", cause);
  } catch (py::error_already_set& cause) {
    return cause.value();
  } catch (const std::bad_alloc& cause) {
    return make_builtin(PyExc_MemoryError, cause);
  } catch (const std::exception& cause) {
    return make_builtin(PyExc_RuntimeError, cause);
  }
}

// One worker's memory, kept from one file to the next.
struct Worker {
  tiff::Source source;
  tiff::Decoder decoder;
};

// Decodes page 0 of one file; called without the GIL.
void decode_one(const Input& input, Worker& worker, py::object& result) {
  open(worker.source, input);
  const tiff::Page page = tiff::read_page(worker.source, 0, tiff::Limits{});
  std::span<std::byte> pixels;
  {
    const py::gil_scoped_acquire acquire; // NumPy allocates: it asks for huge pages where that pays
    py::array array = make_array(page.info);
    pixels = bytes_of(array);
    result = std::move(array);
  }
  worker.decoder.decode_into(worker.source, page, pixels);
}

py::list decode_many(const std::vector<py::object>& sources, int threads) {
  std::vector<Input> inputs;
  inputs.reserve(sources.size());
  for (const auto& source : sources) {
    inputs.push_back(to_input(source));
  }
  std::vector<py::object> results(inputs.size());
  std::vector<std::exception_ptr> errors(inputs.size());
  {
    const py::gil_scoped_release release; // decode_one takes it back for a moment to allocate
    std::vector<Worker> workers(static_cast<std::size_t>(std::max(threads, 1)));
    parallel_for(inputs.size(), threads, [&](std::size_t index, std::size_t worker) {
      try {
        decode_one(inputs[index], workers[worker], results[index]);
      } catch (...) {
        errors[index] = std::current_exception();
      }
    });
  }
  py::list list;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    list.append(errors[i] ? to_exception(errors[i]) : std::move(results[i]));
  }
  return list;
}

py::tuple shape_tuple(const PageInfo& info) { return py::tuple(py::cast(shape_of(info))); }

} // namespace

void bind_tiff(py::module_& module) {
  py::class_<PageInfo>(module, "ImageInfo", "What one page says of itself.")
      .def_property_readonly("shape", &shape_tuple)
      .def_property_readonly("dtype", &tiff::dtype_name)
      .def_readonly("pages", &PageInfo::pages)
      .def_readonly("bits", &PageInfo::bits)
      .def_readonly("samples", &PageInfo::samples)
      .def_property_readonly("compression",
                             [](const PageInfo& info) { return tiff::name_of(info.compression); })
      .def_readonly("predictor", &PageInfo::predictor)
      .def_property_readonly(
          "photometric",
          [](const PageInfo& info) { return tiff::photometric_name(info.photometric); })
      .def_readonly("tiled", &PageInfo::tiled)
      .def_readonly("big_tiff", &PageInfo::big_tiff)
      .def_property_readonly(
          "byte_order", [](const PageInfo& info) { return info.big_endian ? "big" : "little"; })
      .def_readonly("pixel_um", &PageInfo::pixel_um);
  module.def("read_info", &read_info, py::arg("source"), py::arg("page"));
  module.def("decode", &decode, py::arg("source"), py::arg("page"),
             py::arg("out").noconvert().none(true));
  module.def("decode_many", &decode_many, py::arg("sources"), py::arg("threads"));
}

} // namespace kinfast::bindings
