/* code.c: the channel code that pictures and sound share: 64 bits of id, a CRC over them, and a convolutional code that
 * spends six bits on each so that an id comes back whole when a third of them are wrong.
 *
 * Rate 1/6, constraint length 9, the generators of 3GPP2 C.S0002 (cdma2000, 3.1.3.1.4.1.1), free distance 37, closed by
 * eight zero bits. CRC-24 of OpenPGP (RFC 4880 6.1), whose start value is not zero: all zeros is never a codeword.
 */
#include "mark/watermark/watermark.h"

#include <math.h>
#include <string.h>

#define K 9
#define RATE 6
#define STATES 256
#define HALF (STATES / 2)
#define LIST 64 /* ways looked at */
#define AGREE 10.3f /* least correlation of the bits with a codeword, in deviations of what chance would give */
#define STEPS (WM_ID_BITS + WM_CRC_BITS + K - 1)

_Static_assert(STEPS * RATE == WM_CODED_BITS, "the header's count of coded bits is the code's");

/* Every generator has both its ends set. Flipping the newest or the oldest bit of the register therefore flips all six
 * outputs, which makes the branch metrics of a butterfly x, -x, -x, x. */
static const unsigned generator[RATE] = {0457, 0755, 0551, 0637, 0625, 0727};

static uint32_t crc24(uint64_t id)
{
    uint32_t crc = 0xb704ce;
    for (int i = 56; i >= 0; i -= 8) {
        crc ^= (uint32_t)(id >> i & 0xff) << 16;
        for (int k = 0; k < 8; k++) crc = crc << 1 ^ (crc & 0x800000 ? 0x1864cfb : 0);
    }
    return crc & 0xffffff;
}

/* The message: id, most significant bit first, then the CRC, then zeros that bring the register back to zero. */
static int message_bit(uint64_t id, uint32_t crc, int i)
{
    if (i < WM_ID_BITS) return (int)(id >> (WM_ID_BITS - 1 - i) & 1);
    if (i < WM_ID_BITS + WM_CRC_BITS) return (int)(crc >> (WM_ID_BITS + WM_CRC_BITS - 1 - i) & 1);
    return 0;
}

void wm_encode(uint64_t id, uint8_t bit[WM_CODED_BITS])
{
    const uint32_t crc = crc24(id);
    unsigned state = 0; /* the last eight bits, the newest on top */
    for (int i = 0; i < STEPS; i++) {
        const unsigned reg = (unsigned)message_bit(id, crc, i) << (K - 1) | state;
        for (int j = 0; j < RATE; j++) bit[i * RATE + j] = (uint8_t)__builtin_parity(reg & generator[j]);
        state = reg >> 1;
    }
}

/* Output signs of the branches that a 0 takes out of the even states 2n, for n in 0..127: +1 where the bit sent is 1. */
static void branch_signs(float sign[RATE][HALF])
{
    for (int j = 0; j < RATE; j++)
        for (unsigned n = 0; n < HALF; n++)
            sign[j][n] = __builtin_parity((n << 1) & generator[j]) ? 1.0f : -1.0f;
}

/* One step of all states: new state n (its top bit is the bit that came in) is reached from 2n and 2n+1 modulo 256. lead:
 * by how much the way from the odd one is better. */
static void step(const float soft[RATE], const float sign[RATE][HALF], const float *from, float *to, float *lead)
{
    float even_m[HALF], odd_m[HALF], x[HALF];
    for (int n = 0; n < HALF; n++) {
        even_m[n] = from[2 * n];
        odd_m[n] = from[2 * n + 1];
        x[n] = 0;
    }
    for (int j = 0; j < RATE; j++)
        for (int n = 0; n < HALF; n++) x[n] += sign[j][n] * soft[j];
    for (int n = 0; n < HALF; n++) {
        const float a = even_m[n] + x[n], b = odd_m[n] - x[n], c = even_m[n] - x[n], d = odd_m[n] + x[n];
        to[n] = b > a ? b : a;
        lead[n] = b - a;
        to[n + HALF] = d > c ? d : c;
        lead[n + HALF] = d - c;
    }
}

/* A way through the trellis from its end to its beginning. It is the best one but for the steps where it turns off, which
 * costs what the better way leads by. It may turn off again below `last`: so every way has one parent. */
typedef struct way {
    float cost;
    int last;
    bool off[STEPS];
} way;

/* The message of a way, and the state behind each step. */
static bool follow(const way *w, float lead[STEPS][STATES], uint8_t state_at[STEPS], uint64_t *id)
{
    uint32_t crc = 0;
    unsigned state = 0;
    *id = 0;
    for (int i = STEPS - 1; i >= 0; i--) {
        const uint64_t b = state >> (K - 2);
        if (i < WM_ID_BITS) *id |= b << (WM_ID_BITS - 1 - i);
        else if (i < WM_ID_BITS + WM_CRC_BITS) crc |= (uint32_t)b << (WM_ID_BITS + WM_CRC_BITS - 1 - i);
        state_at[i] = (uint8_t)state;
        state = (state << 1 & (STATES - 1)) | ((lead[i][state] > 0) ^ w->off[i]);
    }
    return crc == crc24(*id);
}

/* Keep the children of ways[n] that are among the best; ways are in the order of their costs. */
static int branch_out(way ways[LIST], int count, int n, float lead[STEPS][STATES], const uint8_t state_at[STEPS])
{
    const way parent = ways[n];
    for (int i = parent.last - 1; i >= 0; i--) {
        const float cost = parent.cost + fabsf(lead[i][state_at[i]]);
        if (count == LIST && cost >= ways[LIST - 1].cost) continue;
        if (count < LIST) count++;
        int at = count - 1;
        for (; at > n + 1 && ways[at - 1].cost > cost; at--) ways[at] = ways[at - 1];
        ways[at] = parent;
        ways[at].cost = cost;
        ways[at].last = i;
        ways[at].off[i] = true;
    }
    return count;
}

/* A. Viterbi 1967, and where the best way does not fit the CRC, the next best (list Viterbi: Seshadri and Sundberg 1994).
 * The trellis begins and ends in state zero.
 *
 * Sixty-four ways are as many chances for the CRC to fit by accident. But the best way through pure noise agrees with it
 * by 9.9 deviations, seldom by more: asking for 10.3 leaves .28 ways of noise on the average (of 2000 simulated), so an
 * accident is rarer than with one way and no such question, 1 in 6e7 decodings. Of words at .55 of the noise it reads 90
 * in 100, where the best way alone reads 64; at .6, 99 for 85.
 */
bool wm_decode(const float soft[WM_CODED_BITS], uint64_t *id)
{
    float sign[RATE][HALF], metric[2][STATES], clean[WM_CODED_BITS];
    float lead[STEPS][STATES];
    double level = 0, energy = 0;
    *id = 0;
    for (int i = 0; i < WM_CODED_BITS; i++) {
        clean[i] = isfinite(soft[i]) ? LK_CLAMP(soft[i], -1e15f, 1e15f) : 0.0f;
        level += fabsf(clean[i]);
    }
    if (!(level > 0)) return false;
    /* Any scale may come in; metrics near one lose no digits and cannot overflow. */
    const float unit = (float)(WM_CODED_BITS / level);
    for (int i = 0; i < WM_CODED_BITS; i++) {
        clean[i] *= unit;
        energy += (double)clean[i] * clean[i];
    }

    branch_signs(sign);
    for (int n = 0; n < STATES; n++) metric[0][n] = n == 0 ? 0.0f : -1e9f;
    for (int i = 0; i < STEPS; i++)
        step(clean + i * RATE, (const float(*)[HALF])sign, metric[i & 1], metric[(i + 1) & 1], lead[i]);

    way ways[LIST] = {{.last = STEPS}};
    uint8_t state_at[STEPS];
    uint64_t got;
    const float spare = metric[STEPS & 1][0] - AGREE * (float)sqrt(energy);
    for (int n = 0, count = 1; n < count && ways[n].cost <= spare; n++) {
        if (follow(&ways[n], lead, state_at, &got)) {
            *id = got;
            return true;
        }
        count = branch_out(ways, count, n, lead, state_at);
    }
    return false;
}

/* Anyone who has this program has this key: a mark made with it says where a file came from to whoever asks. */
wm_key wm_public_key(void)
{
    static const char name[] = "likeness public watermark, version 1";
    const lk_hash h = lk_hash_bytes(name, sizeof name - 1);
    wm_key k;
    memcpy(k.b, h.b, sizeof k.b);
    return k;
}
