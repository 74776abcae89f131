/* rng.c: counter-based random numbers.
 *
 * Philox4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel
 * Random Numbers: As Easy as 1, 2, 3", SC 2011. Every draw is a function of
 * (seed, stream, epoch, index, how many draws before), so the order in which
 * threads or ranks ask does not matter and resuming needs no saved state.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>

#include "base/base.h"

static void philox(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0];
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
        uint32_t n2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[1] = (uint32_t)p1;
        c[3] = (uint32_t)p0;
        c[0] = n0;
        c[2] = n2;
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
}

void lk_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    philox(c, key[0], key[1]);
    memcpy(out, c, sizeof c);
}

/* A bijection of 64 bits (the finaliser of Steele et al., SplitMix, 2014). */
static uint64_t mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

lk_rng lk_rng_at(uint64_t seed, uint32_t stream, uint32_t epoch, uint64_t index)
{
    lk_rng r = {.seed = seed, .stream = stream, .epoch = epoch, .index = index};
    return r;
}

/* The counter holds index, epoch and block; that leaves the stream, which is
 * mixed into the key. Both mixes are bijections: two streams of one seed, and
 * two seeds of one stream, never share a key. */
static void refill(lk_rng *r)
{
    uint64_t key = mix64(r->seed ^ mix64((uint64_t)r->stream + 1));
    uint32_t c[4] = {(uint32_t)r->index, (uint32_t)(r->index >> 32), r->epoch, r->draw++};
    philox(c, (uint32_t)key, (uint32_t)(key >> 32));
    memcpy(r->buf, c, sizeof c);
    r->left = 4;
}

uint32_t lk_rng_u32(lk_rng *r)
{
    if (r->left == 0) refill(r);
    return r->buf[4 - r->left--];
}

/* D. Lemire, "Fast random integer generation in an interval", 2019. */
uint32_t lk_rng_below(lk_rng *r, uint32_t n)
{
    if (n == 0) return 0;
    uint64_t m = (uint64_t)lk_rng_u32(r) * n;
    if ((uint32_t)m < n) {
        uint32_t threshold = -n % n;
        while ((uint32_t)m < threshold) m = (uint64_t)lk_rng_u32(r) * n;
    }
    return (uint32_t)(m >> 32);
}

float lk_rng_uniform(lk_rng *r) { return (float)(lk_rng_u32(r) >> 8) * 0x1p-24f; }

float lk_rng_range(lk_rng *r, float lo, float hi) { return lo + (hi - lo) * lk_rng_uniform(r); }

/* Box and Muller 1958; 1 - u is in (0,1], so the logarithm is finite. */
float lk_rng_normal(lk_rng *r)
{
    float u = 1.0f - lk_rng_uniform(r);
    float v = lk_rng_uniform(r);
    return sqrtf(-2.0f * logf(u)) * cosf(6.28318530718f * v);
}

lk_status lk_random_bytes(void *out, size_t n, lk_error *err)
{
    unsigned char *p = out;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0)
            return LK_FAIL(err, LK_E_IO,
                           "the system gave no random bytes (%s); check that /dev/urandom exists",
                           strerror(errno));
        p += got;
        n -= (size_t)got;
    }
    return LK_OK;
}
