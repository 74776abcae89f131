/* audio_grid.c: what writer and reader of the sound watermark must agree on: whose each chip is, and how it
 * is measured. */
#include "mark/watermark/audio.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- whose each chip is ------------------------------------------------------------------------------- */

/* Key stream: SHA-256 over the key, a name and a counter. The whole key counts, not 64 bits of it. */
typedef struct stream {
    uint8_t seed[32 + 8 + 4];
    uint32_t counter;
    lk_hash block;
    int used;
} stream;

static void stream_start(stream *s, const wm_key *key)
{
    *s = (stream){.used = LK_HASH_BYTES};
    memcpy(s->seed, key->b, 32);
    memcpy(s->seed + 32, "sound/v1", 8);
}

static uint32_t stream_u32(stream *s)
{
    if (s->used + 4 > LK_HASH_BYTES) {
        for (int i = 0; i < 4; i++) s->seed[40 + i] = (uint8_t)(s->counter >> (8 * i));
        s->counter++;
        s->block = lk_hash_bytes(s->seed, sizeof s->seed);
        s->used = 0;
    }
    const uint8_t *b = s->block.b + s->used;
    s->used += 4;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* Fisher and Yates. The bias of a remainder of 32 bits is 2e-7 here: a pattern need not be fairer than that.
 */
static void shuffle(stream *s, uint16_t *x, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)(stream_u32(s) % (uint32_t)(i + 1));
        uint16_t t = x[i];
        x[i] = x[j];
        x[j] = t;
    }
}

void am_layout_make(const wm_key *key, am_layout *out)
{
    enum { GROUP = AM_SYMBOLS / AM_PARTS, STEPS = AM_STEPS / AM_PARTS, BANDS = AM_BANDS / AM_PARTS };
    _Static_assert(GROUP == STEPS * BANDS,
                   "an eighth of the block by an eighth of the bands holds one chip a symbol");
    stream s;
    uint16_t symbols[AM_SYMBOLS], cells[GROUP];
    stream_start(&s, key);
    for (int i = 0; i < AM_SYMBOLS; i++) symbols[i] = (uint16_t)i;
    shuffle(&s, symbols, AM_SYMBOLS);
    for (int part = 0; part < AM_PARTS; part++)
        for (int group = 0; group < AM_PARTS; group++) {
            /* A Latin square: over the eight parts a group meets each eighth of the bands once. */
            int step0 = part * STEPS, band0 = (part + group) % AM_PARTS * BANDS;
            for (int i = 0; i < GROUP; i++) cells[i] = (uint16_t)i;
            shuffle(&s, cells, GROUP);
            for (int i = 0; i < GROUP; i++) {
                int step = step0 + cells[i] / BANDS, band = band0 + cells[i] % BANDS;
                out->symbol[step][band] = symbols[group * GROUP + i];
                out->sign[step][band] = stream_u32(&s) & 1 ? 1 : -1;
            }
        }
}

/* --- how it is measured -------------------------------------------------------------------------- */

lk_status am_planes(const lk_audio *a, float **planes, int64_t *n, lk_error *err)
{
    *planes = NULL;
    *n = 0;
    if (a->rate < 4000 || a->rate > 768000 || a->channels < 1 || a->channels > AM_CHANNELS || a->samples < 0)
        return LK_FAIL(err, LK_E_RANGE,
                       "sound of %d channels at %d Hz is outside 1..%d channels and 4000..768000 Hz",
                       a->channels, a->rate, AM_CHANNELS);
    const int64_t count = (int64_t)((double)a->samples * AM_RATE / a->rate);
    float *line = lk_alloc((size_t)(a->samples + 1) * sizeof(float));
    float *out = lk_calloc((size_t)(count * a->channels + 1), sizeof(float));
    lk_status s = LK_OK;
    if (!line || !out)
        s = LK_FAIL(err, LK_E_NOMEM, "no memory for %lld samples of sound", (long long)a->samples);
    for (int c = 0; c < a->channels && s == LK_OK; c++) {
        for (int64_t i = 0; i < a->samples; i++) {
            float x = a->data[i * a->channels + c];
            line[i] = isfinite(x) ? LK_CLAMP(x, -64.0f, 64.0f) : 0;
        }
        s = lk_resample(line, a->samples, (double)a->rate / AM_RATE, out + c * count, count, err);
    }
    lk_free(line);
    if (s != LK_OK) {
        lk_free(out);
        return s;
    }
    *planes = out;
    *n = count;
    return LK_OK;
}

void am_window(float w[AM_FRAME])
{
    for (int i = 0; i < AM_FRAME; i++) w[i] = (float)sin(M_PI * (i + 0.5) / AM_FRAME);
}

void am_band_powers(const float *spectrum, float *out)
{
    const float *x = spectrum + 2 * AM_BIN;
    for (int b = 0; b < AM_BANDS; b++, x += 2 * AM_BAND_BINS)
        out[b] += x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3];
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void am_floors(const float *rows, int n, float *scratch, float floors[AM_BANDS])
{
    for (int b = 0; b < AM_BANDS; b++) {
        for (int i = 0; i < n; i++) scratch[i] = rows[(size_t)i * AM_BANDS + (size_t)b];
        qsort(scratch, (size_t)n, sizeof *scratch, by_size);
        floors[b] = n ? scratch[n / 5] : 0;
    }
}

/* Sounds start and stop over all bands at once, and that is no message: what the neighbouring bands do on
 * average is taken off. Of what is left, a vowel's moving harmonics reach several nepers where a chip is
 * worth a tenth: beyond `soft` nepers a value counts less and less (a redescending estimator, Hampel 1974).
 * Bands near their floor are codec or room noise and count by how far they stand above it. */
void am_measure(const float *early, const float *late, int n, const float floors[AM_BANDS], float *value,
                float *slope)
{
    static const float soft = 1.2f, tiny = 1e-9f, most = 1.5f;
    enum { REACH = 4 };
    for (int i = 0; i < n; i++, early += AM_BANDS, late += AM_BANDS, value += AM_BANDS, slope += AM_BANDS) {
        float rise[AM_BANDS], weight[AM_BANDS];
        for (int b = 0; b < AM_BANDS; b++) {
            const float low = fminf(early[b], late[b]);
            rise[b] = 0.5f * logf((early[b] + tiny) / (late[b] + tiny));
            weight[b] = low / (low + floors[b] + tiny);
        }
        for (int b = 0; b < AM_BANDS; b++) {
            const int from = LK_MAX(b - REACH, 0), to = LK_MIN(b + REACH, AM_BANDS - 1);
            float sum = 0, weights = 1e-6f;
            for (int k = from; k <= to; k++) {
                const float w = k == b ? 0 : weight[k];
                sum += w * LK_CLAMP(rise[k], -most, most);
                weights += w;
            }
            const float x = rise[b] - sum / weights, q = x / soft, r = 1 / (1 + q * q);
            value[b] = weight[b] * x * r;
            slope[b] = weight[b] * (1 - q * q) * r * r;
        }
    }
}
