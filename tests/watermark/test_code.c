/* test_code.c: the channel code: its words, its distance, what it corrects, what it refuses. */
#include "check.h"
#include "mark/watermark/watermark.h"

static uint64_t random_id(lk_rng *r) { return (uint64_t)lk_rng_u32(r) << 32 | lk_rng_u32(r); }

/* The response to one bit is the generators themselves, read from the top: the first bit of an id meets no CRC before
 * step 64. CRC included the code is affine. */
static void words(void)
{
    static const unsigned generator[6] = {0457, 0755, 0551, 0637, 0625, 0727};
    uint8_t zero[WM_CODED_BITS], one[WM_CODED_BITS], a[WM_CODED_BITS], b[WM_CODED_BITS], c[WM_CODED_BITS];
    wm_encode(0, zero);
    wm_encode(1ull << 63, one);
    for (int k = 0; k < 9; k++)
        for (int j = 0; j < 6; j++) CHECK_INT(zero[k * 6 + j] ^ one[k * 6 + j], generator[j] >> (8 - k) & 1);
    for (int i = 54; i < 64 * 6; i++) CHECK_INT(zero[i] ^ one[i], 0);
    lk_rng r = lk_rng_at(1, 2, 3, 4);
    for (int n = 0; n < 100; n++) {
        const uint64_t x = random_id(&r), y = random_id(&r);
        wm_encode(x, a);
        wm_encode(y, b);
        wm_encode(x ^ y, c);
        int wrong = 0;
        for (int i = 0; i < WM_CODED_BITS; i++) wrong += zero[i] ^ a[i] ^ b[i] ^ c[i];
        CHECK_INT(wrong, 0);
    }
}

/* Which id and CRC a word carries, read by the smallest decoder there is: the first generator's bits, divided out. */
static uint64_t divide(const uint8_t *bit, int from, int count)
{
    unsigned state = 0;
    uint64_t out = 0;
    for (int i = 0; i < from + count; i++) {
        const unsigned b = (unsigned)(bit[i * 6] ^ __builtin_parity(state & 0457 & 0377)); /* its top tap is the new bit */
        state = (b << 8 | state) >> 1;
        if (i >= from) out = out << 1 | b;
    }
    return out;
}

/* OpenPGP's CRC-24, one bit at a time by another road: division of the whole message by the polynomial. */
static unsigned crc_by_division(uint64_t id)
{
    unsigned crc = 0xb704ce;
    for (int i = 63; i >= 0; i--) {
        const unsigned top = (crc >> 23 ^ (unsigned)(id >> i)) & 1;
        crc = (crc << 1 & 0xffffff) ^ (top ? 0x864cfb : 0);
    }
    return crc;
}

static void checksum(void)
{
    lk_rng r = lk_rng_at(1, 2, 3, 5);
    for (int n = 0; n < 50; n++) {
        uint8_t bit[WM_CODED_BITS];
        const uint64_t id = n ? random_id(&r) : 0;
        wm_encode(id, bit);
        CHECK(divide(bit, 0, 64) == id, "%016" PRIx64, id);
        CHECK_INT(divide(bit, 64, 24), crc_by_division(id));
        CHECK_INT(divide(bit, 88, 8), 0);
    }
}

/* Free distance: the lightest way out of state zero and back, by Bellman and Ford. */
static void distance(void)
{
    static const unsigned generator[6] = {0457, 0755, 0551, 0637, 0625, 0727};
    int weight[256];
    for (int i = 0; i < 256; i++) weight[i] = 1 << 20;
    weight[128] = 6;
    int home = 1 << 20;
    for (int round = 0; round < 300; round++)
        for (unsigned s = 1; s < 256; s++)
            for (unsigned b = 0; b < 2; b++) {
                int w = weight[s];
                for (int j = 0; j < 6; j++) w += __builtin_parity((b << 8 | s) & generator[j]);
                const unsigned to = (b << 8 | s) >> 1;
                if (to == 0) home = LK_MIN(home, w);
                else weight[to] = LK_MIN(weight[to], w);
            }
    CHECK_INT(home, 37);
}

/* Soft errors: a quarter of the bits wrong on the average (sigma 1.5) is nearly always put right. At 1.8, where the best
 * way alone is right twice in three times, the list is nine times in ten. */
static void corrects(void)
{
    static const struct { float sigma; int least; } level[] = {{0.8f, 200}, {1.2f, 200}, {1.5f, 198}, {1.8f, 165}};
    for (int k = 0; k < (int)LK_COUNT(level); k++) {
        int right = 0, wrong = 0;
        for (uint64_t n = 0; n < 200; n++) {
            lk_rng r = lk_rng_at(5, (uint32_t)k, 0, n);
            uint8_t bit[WM_CODED_BITS];
            float soft[WM_CODED_BITS];
            const uint64_t id = random_id(&r);
            uint64_t got;
            wm_encode(id, bit);
            for (int i = 0; i < WM_CODED_BITS; i++) soft[i] = (bit[i] ? 1.0f : -1.0f) + level[k].sigma * lk_rng_normal(&r);
            if (!wm_decode(soft, &got)) continue;
            right += got == id;
            wrong += got != id;
        }
        CHECK(right >= level[k].least, "sigma %.1f: %d of 200", level[k].sigma, right);
        CHECK_INT(wrong, 0);
    }
}

/* Any scale; lost bits (zero) and broken ones (not numbers) cost no more than their information. */
static void scales_and_holes(void)
{
    uint8_t bit[WM_CODED_BITS];
    float soft[WM_CODED_BITS];
    uint64_t got;
    const uint64_t id = 0xfedcba9876543210;
    wm_encode(id, bit);
    static const float unit[] = {1e-30f, 1, 1e30f};
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < WM_CODED_BITS; i++) soft[i] = bit[i] ? unit[k] : -unit[k];
        CHECK(wm_decode(soft, &got) && got == id, "unit %g", unit[k]);
    }
    for (int i = 0; i < WM_CODED_BITS; i++) soft[i] = i % 2 ? 0 : bit[i] ? 1.0f : -1.0f;
    CHECK(wm_decode(soft, &got) && got == id, "half of the bits lost");
    for (int i = 0; i < WM_CODED_BITS; i += 5) soft[i] = i % 2 ? NAN : INFINITY;
    CHECK(wm_decode(soft, &got) && got == id, "broken numbers");
    memset(soft, 0, sizeof soft);
    CHECK(!wm_decode(soft, &got), "nothing is no id");
    for (int i = 0; i < WM_CODED_BITS; i++) soft[i] = bit[i] ? -1.0f : 1.0f;
    CHECK(!wm_decode(soft, &got), "the negative is no id");
}

static void noise_is_refused(void)
{
    int accepted = 0;
    for (uint64_t n = 0; n < 4000; n++) {
        lk_rng r = lk_rng_at(6, 0, 0, n);
        float soft[WM_CODED_BITS];
        uint64_t got;
        for (int i = 0; i < WM_CODED_BITS; i++) soft[i] = lk_rng_normal(&r);
        accepted += wm_decode(soft, &got);
    }
    CHECK_INT(accepted, 0);
}

static const check_test tests[] = {{"words", words},       {"checksum", checksum},
                                   {"distance", distance}, {"corrects", corrects},
                                   {"scales", scales_and_holes}, {"noise", noise_is_refused}};
CHECK_MAIN(tests)
