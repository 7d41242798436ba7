/* What a machine can do at best: the sum of a buffer's 16-bit numbers, as plain as C has it. */
#include <stddef.h>
#include <stdint.h>

uint64_t sum16(const uint16_t *numbers, size_t n) {
  uint64_t sum = 0;
  for (size_t i = 0; i < n; ++i) {
    sum += numbers[i];
  }
  return sum;
}
