#include "kinfast/parallel/parallel_for.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace kinfast {
namespace {

// Threads that are joined when they go out of scope (libc++ has no jthread yet).
class JoiningThreads {
public:
  JoiningThreads() = default;
  JoiningThreads(const JoiningThreads&) = delete;
  JoiningThreads& operator=(const JoiningThreads&) = delete;
  ~JoiningThreads() {
    for (auto& thread : threads_) {
      thread.join();
    }
  }
  void start(std::function<void()> work) { threads_.emplace_back(std::move(work)); }

private:
  std::vector<std::thread> threads_;
};

} // namespace

void parallel_for(std::size_t n, int threads,
                  const std::function<void(std::size_t, std::size_t)>& body) {
  const std::size_t workers = std::min(n, static_cast<std::size_t>(std::max(threads, 1)));
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr first_error;
  std::mutex error_mutex;

  const auto work = [&](std::size_t worker) {
    try {
      while (!failed.load(std::memory_order_relaxed)) {
        const std::size_t index = next.fetch_add(1, std::memory_order_relaxed);
        if (index >= n) {
          return;
        }
        body(index, worker);
      }
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!first_error) {
        first_error = std::current_exception();
      }
      failed.store(true, std::memory_order_relaxed);
    }
  };

  {
    JoiningThreads helpers;
    for (std::size_t worker = 1; worker < workers; ++worker) {
      helpers.start([&work, worker] { work(worker); });
    }
    if (workers > 0) {
      work(0);
    }
  }
  if (first_error) {
    std::rethrow_exception(first_error);
  }
}

} // namespace kinfast
