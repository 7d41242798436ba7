// The bodies of the row kernels: plain loops that a compiler turns into the vectors of the
// instruction set that KINFAST_ISA names; KINFAST_ISA_SHUFFLES is 1 where that has byte shuffles,
// which no compiler finds by itself. Included by rows.cpp once per set, each time inside a
// namespace of its own; hence no include guards, and no include but of its own parts.

KINFAST_ISA void max_row(const std::uint16_t* __restrict row, std::uint16_t* __restrict into,
                         std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    into[x] = row[x] > into[x] ? row[x] : into[x];
  }
}

KINFAST_ISA void add_row(const std::uint16_t* __restrict row, std::uint32_t* __restrict into,
                         std::size_t n) {
  for (std::size_t x = 0; x < n; ++x) {
    into[x] += row[x];
  }
}

// clang-format off: a part uses what the parts before it define
#include "rows_correct.inl.hpp"
#include "rows_resize.inl.hpp"
#include "rows_focus.inl.hpp"
#include "rows_pick.inl.hpp"
#include "rows_hash.inl.hpp"
#include "rows_count.inl.hpp"
// clang-format on

constexpr RowKernels kKernels{max_row,        add_row,   blend_row,    correct_row,  add_corrected,
                              accumulate_row, join_rows, mean_columns, quantise_row, bin_row,
                              focus_row,      pick_row,  hash_stripes, hash_blocks,  count_blocks};
