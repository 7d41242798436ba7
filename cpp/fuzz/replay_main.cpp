// Runs the fuzz target over files, without a fuzzer: any compiler, any sanitizer.
//
//   kinfast_replay [FILE|FOLDER ...]      default: $KINFAST_TEST_DATA/tiff; exit code 77 (skipped)
//   where that is unset
//
// Each file is also replayed cut short at a few places, which is what a full disk or a broken copy
// makes of it.
#include "decode_target.hpp"

#include "kinfast/tiff/decode.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using kinfast::fuzz::Outcome;

constexpr int kSkipped = 77;
// Every real file of a corpus is smaller.
constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 20;
constexpr double kMaxSeconds = 2.0; // per input, whatever it asks for

struct Counts {
  std::size_t files = 0;
  std::size_t pixels = 0;
  std::size_t errors = 0;
  std::size_t failures = 0;
  double slowest = 0;
};

// Of the processor, so that a busy machine makes nothing slow.
double seconds_since(std::clock_t start) {
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

Outcome run(const fs::path& path, std::span<const std::byte> bytes, Counts& counts) {
  const auto start = std::clock();
  Outcome outcome = Outcome::error;
  try {
    outcome = kinfast::fuzz::decode_bytes(bytes, kMaxBytes);
  } catch (const std::exception& error) {
    ++counts.failures;
    std::printf("FAILED %s (%zu bytes): %s\n", path.c_str(), bytes.size(), error.what());
  }
  const double seconds = seconds_since(start);
  counts.slowest = std::max(counts.slowest, seconds);
  if (seconds > kMaxSeconds) {
    ++counts.failures;
    std::printf("SLOW %s (%zu bytes): %.1f s\n", path.c_str(), bytes.size(), seconds);
  }
  return outcome;
}

void replay(const fs::path& path, Counts& counts) {
  const auto bytes = kinfast::tiff::read_file(path.string());
  ++counts.files;
  const Outcome outcome = run(path, bytes, counts);
  ++(outcome == Outcome::pixels ? counts.pixels : counts.errors);
  for (const std::size_t eighths : {1U, 3U, 5U, 7U}) {
    // A copy of its own size, so that a sanitizer sees a read past the cut.
    const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() * eighths / 8);
    run(path, std::vector<std::byte>(bytes.begin(), end), counts);
  }
}

std::vector<fs::path> list_files(const fs::path& root) {
  if (!fs::is_directory(root)) {
    return {root};
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
  return files;
}

} // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> roots(argv + 1, argv + argc);
  if (roots.empty()) {
    const char* data = std::getenv("KINFAST_TEST_DATA");
    if (data == nullptr) {
      std::puts("KINFAST_TEST_DATA is not set and no files were given");
      return kSkipped;
    }
    roots.push_back(fs::path(data) / "tiff");
  }
  Counts counts;
  for (const auto& root : roots) {
    for (const auto& path : list_files(root)) {
      replay(path, counts);
    }
  }
  std::printf("%zu files: %zu gave pixels, %zu an error; slowest %.2f s; %zu failures\n",
              counts.files, counts.pixels, counts.errors, counts.slowest, counts.failures);
  return counts.failures == 0 && counts.files > 0 ? 0 : 1;
}
