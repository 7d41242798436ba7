// Runs independent pieces of work on a few threads that are joined before it returns.
#pragma once

#include <cstddef>
#include <functional>

namespace kinfast {

// Calls body(index, worker) for every index in [0, n), each exactly once, on at most `threads`
// threads (the caller's is one of them); worker is in [0, threads) and tells whose scratch to use.
// The first exception of a body stops the handing out of further indices and is thrown in the
// caller.
void parallel_for(std::size_t n, int threads,
                  const std::function<void(std::size_t index, std::size_t worker)>& body);

} // namespace kinfast
