// The parts of plain.ipp in AVX-512.
#define CCCD_LEVEL avx512
#define CCCD_REGISTER 64
#include "score.ipp"

#include <immintrin.h>

namespace cccd::matching::avx512 {

static inline __mmask16 first_lanes(int n) { return static_cast<__mmask16>(n >= lanes ? 0xffff : (1u << n) - 1); }

// Sixteen 64-bit words as their low and high halves; those from `n` on are 0.
static inline void halves(const u64* words, int n, __m512i* low, __m512i* high) {
  const __mmask16 mask = first_lanes(n);
  const __m512i p = _mm512_maskz_loadu_epi64(static_cast<__mmask8>(mask), words);
  const __m512i q = _mm512_maskz_loadu_epi64(static_cast<__mmask8>(mask >> 8), words + 8);
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  *low = _mm512_permutex2var_epi32(p, even, q);
  *high = _mm512_permutex2var_epi32(p, _mm512_or_si512(even, _mm512_set1_epi32(1)), q);
}

static void load(Finger& f, const u64* words, f32 offset) {
  load_head(f, words);
  const __m512i centre = _mm512_set1_epi32(32768);
  for (int i = 0; i < f.n; i += lanes) {
    __m512i place, rest;
    halves(f.minutiae + i, f.n - i, &place, &rest);
    const __m512i x = _mm512_sub_epi32(_mm512_and_si512(place, _mm512_set1_epi32(0xffff)), centre);
    const __m512i y = _mm512_sub_epi32(_mm512_srli_epi32(place, 16), centre);
    const __mmask16 mask = first_lanes(f.n - i);
    _mm512_store_ps(f.x + i, _mm512_mask_cvtepi32_ps(_mm512_set1_ps(far_away), mask, x));
    _mm512_store_ps(f.y + i, _mm512_maskz_cvtepi32_ps(mask, y));
    _mm512_store_si512(f.angle + i, _mm512_and_si512(rest, _mm512_set1_epi32(0xff)));
  }
  const int c = f.cylinders;
  for (int i = 0; i < c; i += lanes) {
    __m512i bits = _mm512_setzero_si512();
    for (int k = 0; k < code_words; ++k) {
      __m512i low, high;
      halves(f.codes + k * c + i, c - i, &low, &high);
      _mm512_store_si512(f.half[2 * k] + i, low);
      _mm512_store_si512(f.half[2 * k + 1] + i, high);
      bits = _mm512_add_epi32(bits, _mm512_add_epi32(_mm512_popcnt_epi32(low), _mm512_popcnt_epi32(high)));
    }
    const __m512 root = _mm512_sqrt_ps(_mm512_add_ps(_mm512_cvtepi32_ps(bits), _mm512_set1_ps(offset)));
    _mm512_store_ps(f.scale + i, _mm512_div_ps(_mm512_set1_ps(1.0f), root));
  }
}

// How many bits of ten words are set in both, in each lane. Three bits of one weight are added into two of the next (a
// carry-save adder, two or three logic operations), so that six words are counted and not ten; in two strands, as each
// step waits for the one before.
static inline __m512i common_bits(const __m512i* a, const u32 (*b)[cylinders_max], int j) {
  static_assert(code_halves == 10);
  auto at = [&](int k) { return _mm512_load_si512(b[k] + j); };
  auto add_two = [&](__m512i sum, int k, __m512i* carry) {
    const __m512i x = _mm512_ternarylogic_epi32(sum, a[k], at(k), 0x78);  // sum ^ (a & b)
    const __m512i y = _mm512_ternarylogic_epi32(x, a[k + 1], at(k + 1), 0x78);
    *carry = _mm512_popcnt_epi32(_mm512_ternarylogic_epi32(x, y, sum, 0x3a));  // x ? ~y : sum
    return y;
  };
  __m512i c[4];
  __m512i p = _mm512_and_si512(a[0], at(0)), q = _mm512_and_si512(a[5], at(5));
  p = add_two(p, 1, c);
  q = add_two(q, 6, c + 1);
  p = add_two(p, 3, c + 2);
  q = add_two(q, 8, c + 3);
  const __m512i ones = _mm512_popcnt_epi32(_mm512_xor_si512(p, q)), both = _mm512_popcnt_epi32(_mm512_and_si512(p, q));
  const __m512i carried = _mm512_add_epi32(_mm512_add_epi32(c[0], c[1]), _mm512_add_epi32(c[2], c[3]));
  const __m512i twos = _mm512_add_epi32(carried, both);
  return _mm512_add_epi32(_mm512_add_epi32(twos, twos), ones);
}

static inline u32 highest(__m512i v) {  // of 32 unsigned 16-bit lanes
  const __m256i half = _mm256_max_epu16(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
  const __m128i quarter = _mm_max_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  const __m128i ones = _mm_set1_epi16(-1);
  return 0xffffu ^ (static_cast<u32>(_mm_cvtsi128_si32(_mm_minpos_epu16(_mm_xor_si128(quarter, ones)))) & 0xffffu);
}

// For B of so many times sixteen cylinders; padded ones have no bits and so similarity 0. While the bits of a row are
// counted, those of the row before become similarities: neither waits for the other.
template <int blocks>
static void similarities_of(Work& w) {
  const Finger &a = *w.a, &b = *w.b;
  alignas(64) u16 down[cylinders_max];  // 63 - j
  for (int j = 0; j < cylinders_max; ++j) down[j] = static_cast<u16>(63 - j);
  alignas(64) u16 best[cylinders_max][2 * lanes];
  __m512i column[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  const __m512i natural = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
  __m512i bits[blocks];
  auto count = [&](int i, int block) {
    __m512i half[code_halves];
    for (int k = 0; k < code_halves; ++k) half[k] = _mm512_set1_epi32(static_cast<int>(a.half[k][i]));
    return common_bits(half, b.half, lanes * block);
  };
  for (int block = 0; block < blocks; ++block) bits[block] = count(0, block);
  __m512i row = _mm512_set1_epi16(63);  // 63 - i
  for (int i = 0; i < a.cylinders; ++i) {
    const __m512 scale = _mm512_set1_ps(a.scale[i] * steps);
    const int next = std::min(i + 1, a.cylinders - 1);
    __m512i most = _mm512_setzero_si512();
    auto similar = [&](int block) {
      if (block >= blocks) return _mm512_setzero_si512();
      const __m512 s = _mm512_mul_ps(_mm512_cvtepi32_ps(bits[block]), scale);
      const __m512i q = _mm512_cvttps_epi32(_mm512_mul_ps(s, _mm512_load_ps(b.scale + lanes * block)));
      bits[block] = count(next, block);
      return q;
    };
    for (int block = 0; block < blocks; block += 2) {
      const __m512i p = similar(block), q = similar(block + 1);
      const __m512i s = _mm512_permutexvar_epi64(natural, _mm512_packus_epi32(p, q));
      _mm512_store_si512(w.similarity + i * cylinders_max + lanes * block, s);
      const __m512i key = _mm512_slli_epi16(s, 6);
      most = _mm512_max_epu16(most, _mm512_or_si512(key, _mm512_load_si512(down + lanes * block)));
      column[block / 2] = _mm512_max_epu16(column[block / 2], _mm512_or_si512(key, row));
    }
    _mm512_store_si512(best[i], most);
    row = _mm512_sub_epi16(row, _mm512_set1_epi16(1));
  }
  for (int i = 0; i < a.cylinders; ++i) w.row_best[i] = static_cast<u16>(highest(_mm512_load_si512(best[i])));
  _mm512_store_si512(w.column_best, column[0]);
  _mm512_store_si512(w.column_best + 32, column[1]);
}

static void similarities(Work& w) {
  constexpr void (*of[])(Work&) = {similarities_of<1>, similarities_of<2>, similarities_of<3>, similarities_of<4>};
  of[padded(w.b->cylinders) / lanes - 1](w);
}

static int choose(Work& w, int wanted, int* mutual) {
  const __m512i low6 = _mm512_set1_epi16(63);
  const __m512i r[2] = {_mm512_load_si512(w.row_best), _mm512_load_si512(w.row_best + 32)};
  const __m512i c[2] = {_mm512_load_si512(w.column_best), _mm512_load_si512(w.column_best + 32)};
  alignas(64) u16 up[cylinders_max];
  for (int j = 0; j < cylinders_max; ++j) up[j] = static_cast<u16>(j);
  auto counted = [](int n, int from) { return n - from >= 32 ? 0xffffffffu : n > from ? (1u << (n - from)) - 1 : 0u; };
  u32 valid[4];
  int both = 0, n = 0;
  for (int k = 0; k < 2; ++k) {
    valid[k] = _mm512_mask_cmpgt_epu16_mask(counted(w.a->cylinders, 32 * k), r[k], low6);
    const __m512i theirs = _mm512_permutex2var_epi16(r[0], _mm512_andnot_si512(c[k], low6), r[1]);
    const __m512i chosen = _mm512_andnot_si512(theirs, low6);
    const u32 any = _mm512_mask_cmpgt_epu16_mask(counted(w.b->cylinders, 32 * k), c[k], low6);
    const u32 same = _mm512_mask_cmpeq_epi16_mask(any, chosen, _mm512_load_si512(up + 32 * k));
    both += __builtin_popcount(same);
    valid[2 + k] = any & ~same;
    n += __builtin_popcount(valid[k]) + __builtin_popcount(valid[2 + k]);
  }
  *mutual = both;
  const __m512i* part[4] = {&r[0], &r[1], &c[0], &c[1]};
  if (n > wanted) {
    u32 least = 0;  // the highest similarity that `wanted` of them reach
    auto reach = [&](u32 s, u32* masks) {
      const __m512i bound = _mm512_set1_epi16(static_cast<short>(s << 6));
      int count = 0;
      for (int k = 0; k < 4; ++k) {
        masks[k] = _mm512_mask_cmpge_epu16_mask(valid[k], *part[k], bound);
        count += __builtin_popcount(masks[k]);
      }
      return count;
    };
    u32 masks[4], above[4];
    for (u32 bit = 512; bit > 0; bit >>= 1)
      least = reach(least | bit, masks) >= wanted ? least | bit : least;
    const int excess = reach(least, masks) - wanted;
    reach(std::min(least + 1, 1023u), above);
    // of those at the bound, the last `excess` stay out
    for (int k = 3, left = excess; k >= 0 && left > 0; --k) {
      u32 equal = least < 1023 ? masks[k] & ~above[k] : masks[k];
      while (equal && left > 0) {
        const u32 top = 0x80000000u >> __builtin_clz(equal);
        masks[k] &= ~top;
        equal &= ~top;
        --left;
      }
    }
    for (int k = 0; k < 4; ++k) valid[k] = masks[k];
  }
  int at = 0;
  const __m512i ramp = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (int k = 0; k < 8; ++k) {
    const u32 mask = valid[k >> 1] >> (16 * (k & 1)) & 0xffff;
    const u16* from = (k < 4 ? w.row_best : w.column_best) + lanes * (k & 3);
    const __m256i best = _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
    // similarity << 6 | the other's index
    const __m512i key = _mm512_xor_si512(_mm512_cvtepu16_epi32(best), _mm512_set1_epi32(63));
    const __m512i own = _mm512_add_epi32(ramp, _mm512_set1_epi32(lanes * (k & 3)));
    const __m512i other = _mm512_and_si512(key, _mm512_set1_epi32(63));
    const __m512i s = _mm512_slli_epi32(_mm512_andnot_si512(_mm512_set1_epi32(63), key), 6);
    const __m512i i = k < 4 ? own : other, j = k < 4 ? other : own;
    const __m512i whole = _mm512_or_si512(_mm512_or_si512(s, _mm512_slli_epi32(i, 6)), j);
    _mm512_storeu_si512(w.key + at, _mm512_maskz_compress_epi32(static_cast<__mmask16>(mask), whole));
    at += __builtin_popcount(mask);
  }
  return at;
}

// Sixteen entries of a table of 64.
static inline __m512i look(const void* table, __m512i index) {
  const __m512i* part = static_cast<const __m512i*>(table);
  const __m512i low = _mm512_permutex2var_epi32(_mm512_loadu_si512(part), index, _mm512_loadu_si512(part + 1));
  const __m512i high = _mm512_permutex2var_epi32(_mm512_loadu_si512(part + 2), index, _mm512_loadu_si512(part + 3));
  return _mm512_mask_mov_epi32(low, _mm512_test_epi32_mask(index, _mm512_set1_epi32(32)), high);
}

static void fill(Work& w, const Tables& t, int n) {
  Pairs& p = w.pairs;
  const Finger &a = *w.a, &b = *w.b;
  p.n = n;
  for (int k = 0; k < n; k += lanes) {
    const __m512i key = _mm512_loadu_si512(w.key + k), low6 = _mm512_set1_epi32(63);
    const __m512i i = _mm512_and_si512(_mm512_srli_epi32(key, 6), low6), j = _mm512_and_si512(key, low6);
    const __m512i turn = _mm512_and_si512(_mm512_sub_epi32(look(b.angle, j), look(a.angle, i)), _mm512_set1_epi32(255));
    _mm512_store_si512(p.ax + k, look(a.x, i));
    _mm512_store_si512(p.ay + k, look(a.y, i));
    _mm512_store_si512(p.bx + k, look(b.x, j));
    _mm512_store_si512(p.by + k, look(b.y, j));
    _mm512_store_ps(p.cos + k, _mm512_i32gather_ps(turn, t.cosines, 4));
    _mm512_store_ps(p.sin + k, _mm512_i32gather_ps(turn, t.sines, 4));
    _mm512_store_ps(p.alike + k, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_srli_epi32(key, 12)), _mm512_set1_ps(step)));
  }
}

// Sixteen entries of an array of points_max.
static inline __m512 gather(const f32* values, int n, __m512i index) {
  return n <= 64 ? _mm512_castsi512_ps(look(values, index)) : _mm512_i32gather_ps(index, values, 4);
}

static int reachable(Work& w, const Pairing& r, f32 tolerance) {
  const Finger& b = *w.b;
  const __m512 inverse = _mm512_set1_ps(1.0f / (tolerance * tolerance)), one = _mm512_set1_ps(1.0f);
  const int na = w.a->n;
  alignas(64) i32 from[points_max], to[points_max];
  auto band = [&](__m512 y) {
    const __m512 at = _mm512_mul_ps(_mm512_sub_ps(y, _mm512_set1_ps(b.low_y)), _mm512_set1_ps(1.0f / 16.0f));
    const __m512 least = _mm512_max_ps(at, _mm512_setzero_ps());
    return _mm512_cvttps_epi32(_mm512_min_ps(least, _mm512_set1_ps(static_cast<f32>(bands - 1))));
  };
  for (int i = 0; i < na; i += lanes) {
    const __m512 y = _mm512_load_ps(r.py + i), reach = _mm512_set1_ps(tolerance);
    _mm512_store_si512(from + i, look(b.first, band(_mm512_sub_ps(_mm512_sub_ps(y, reach), one))));
    _mm512_store_si512(to + i, look(b.first + 1, band(_mm512_add_ps(_mm512_add_ps(y, reach), one))));
  }
  int n = 0;
  __m512i row = _mm512_setzero_si512();  // i << 8
  for (int i = 0; i < na; ++i) {
    const __m512 x = _mm512_set1_ps(r.px[i]), y = _mm512_set1_ps(r.py[i]);
    const int full = n + partners_max, end = to[i];
    int k = from[i];
    do {  // seldom more than once; what is read beyond the last band is too far away in y
      const __m512 dx = _mm512_sub_ps(_mm512_loadu_ps(b.sorted_x + k), x);
      const __m512 dy = _mm512_sub_ps(_mm512_loadu_ps(b.sorted_y + k), y);
      const __m512 d = _mm512_mul_ps(_mm512_add_ps(_mm512_mul_ps(dx, dx), _mm512_mul_ps(dy, dy)), inverse);
      const __mmask16 near = _mm512_cmp_ps_mask(d, one, _CMP_LT_OQ);
      const __m512i ends = _mm512_add_epi32(row, _mm512_loadu_si512(b.sorted + k));
      _mm512_storeu_si512(w.reached + n, _mm512_maskz_compress_epi32(near, ends));
      n = std::min(n + static_cast<int>(_mm_popcnt_u32(_cvtmask16_u32(near))), full);
      k += lanes;
    } while (k < end);
    row = _mm512_add_epi32(row, _mm512_set1_epi32(256));
  }
  return n;
}

static void price(Work& w, const Tables& t, const Pairing& r, f32 tolerance, f32 gate, int reached) {
  const Finger &a = *w.a, &b = *w.b;
  const __m512 inverse = _mm512_set1_ps(1.0f / (tolerance * tolerance)), one = _mm512_set1_ps(1.0f);
  const __m512 unlike = _mm512_set1_ps(t.settings[dissimilarity_cost] * step);
  const __m512 c = _mm512_set1_ps(r.c), s = _mm512_set1_ps(r.s);
  const __m512i low6 = _mm512_set1_epi32(63);
  auto sum2 = [](__m512 p, __m512 q, __m512 u, __m512 v) {
    return _mm512_add_ps(_mm512_mul_ps(p, q), _mm512_mul_ps(u, v));
  };
  for (int k = 0; k < reached; k += lanes) {
    const __mmask16 real = first_lanes(reached - k);
    const __m512i ends = _mm512_maskz_loadu_epi32(real, w.reached + k);
    const __m512i i = _mm512_srli_epi32(ends, 8), j = _mm512_and_si512(ends, _mm512_set1_epi32(255));
    const __m512 dx = _mm512_sub_ps(gather(b.x, b.n, j), gather(r.px, a.n, i));
    const __m512 dy = _mm512_sub_ps(gather(b.y, b.n, j), gather(r.py, a.n, i));
    const __m512 d = _mm512_mul_ps(sum2(dx, dx, dy, dy), inverse);
    const __m512 ac = gather(a.cos, a.n, i), as = gather(a.sin, a.n, i);
    const __m512 cx = _mm512_sub_ps(_mm512_mul_ps(c, ac), _mm512_mul_ps(s, as)), cy = sum2(s, ac, c, as);
    const __m512 dot = sum2(cx, gather(b.cos, b.n, j), cy, gather(b.sin, b.n, j));
    const __m512 e = _mm512_mul_ps(_mm512_sub_ps(one, dot), _mm512_set1_ps(gate));
    const __mmask16 known = _mm512_cmplt_epi32_mask(i, _mm512_set1_epi32(a.cylinders)) &
                            _mm512_cmplt_epi32_mask(j, _mm512_set1_epi32(b.cylinders));
    const __m512i place = _mm512_add_epi32(_mm512_slli_epi32(_mm512_and_si512(i, low6), 6), _mm512_and_si512(j, low6));
    // two entries at a time; the last one of the matrix has row_best behind it
    const __m512i two = _mm512_i32gather_epi32(place, w.similarity, 2);
    const __m512i same = _mm512_maskz_and_epi32(known, two, _mm512_set1_epi32(0xffff));
    const __m512 extra = _mm512_mul_ps(unlike, _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_set1_epi32(1024), same)));
    const __m512 cost = _mm512_min_ps(_mm512_add_ps(_mm512_add_ps(d, e), extra), _mm512_set1_ps(8.0f));
    const __m512i key = _mm512_slli_epi32(_mm512_cvttps_epi32(_mm512_mul_ps(cost, _mm512_set1_ps(4096.0f))), 8);
    const __mmask16 ok = _mm512_cmp_ps_mask(e, one, _CMP_LT_OQ);
    _mm512_storeu_si512(w.cost + k, _mm512_mask_mov_epi32(_mm512_set1_epi32(-1), ok, key));
  }
}

}  // namespace cccd::matching::avx512
