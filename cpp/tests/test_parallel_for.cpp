#include "kinfast/parallel/parallel_for.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

TEST_CASE("every index is visited exactly once, whatever the number of threads") {
  for (int threads : {1, 2, 3, 8}) {
    std::vector<std::atomic<int>> visits(1000);
    kinfast::parallel_for(visits.size(), threads, [&](std::size_t index, std::size_t worker) {
      REQUIRE(worker < static_cast<std::size_t>(threads));
      ++visits[index];
    });
    for (const auto& count : visits) {
      REQUIRE(count == 1);
    }
  }
}

TEST_CASE("nothing to do calls nothing") {
  kinfast::parallel_for(0, 4, [](std::size_t, std::size_t) { FAIL("called"); });
}

TEST_CASE("an exception in a worker reaches the caller") {
  for (int threads : {1, 4}) {
    CHECK_THROWS_WITH_AS(kinfast::parallel_for(100, threads,
                                               [](std::size_t index, std::size_t) {
                                                 if (index == 37) {
                                                   throw std::runtime_error("site 37");
                                                 }
                                               }),
                         "site 37", std::runtime_error);
  }
}
