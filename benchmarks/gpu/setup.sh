# Makes a bare GPU machine that has PyTorch ready for the benchmark, without installing kinfast. Source it in the checkout:
#   source benchmarks/gpu/setup.sh [FOLDER]
# FOLDER may hold what the machine lacks and cannot fetch: wheels, a built _native.*.so, and lib/ with the shared
# libraries that it needs. Without a fitting _native it is built, for which g++, CMake, pybind11, libdeflate and zstd
# must be there.
folder=${1:-}
python=${PYTHON:-python3}
echo "setup: $($python --version), torch $($python -c 'import torch; print(torch.__version__, torch.cuda.is_available())')"
if ls "$folder"/*.whl >/dev/null 2>&1; then
  $python -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target /tmp/kinfast-site "$folder"/*.whl
fi
export PYTHONPATH="$PWD/python:$PWD:/tmp/kinfast-site${PYTHONPATH:+:$PYTHONPATH}"
export LD_LIBRARY_PATH="${folder:+$(realpath "$folder")/lib}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
suffix=$($python -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
if [ -f "$folder/_native$suffix" ]; then
  cp "$folder/_native$suffix" python/kinfast/
fi
if ! $python -c 'import kinfast' 2>/dev/null; then
  echo "setup: building the native core"
  cmake -S . -B build/gpu -DKINFAST_PYTHON=ON -DPython_EXECUTABLE="$(command -v $python)" \
    -Dpybind11_DIR="$($python -m pybind11 --cmakedir)" >/dev/null &&
    cmake --build build/gpu --target _native -j >/dev/null && cp build/gpu/cpp/bindings/_native*.so python/kinfast/
fi
$python -c 'import kinfast; print("setup: kinfast", kinfast.__version__)'
