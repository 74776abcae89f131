/* audio_detect.c: the reader of the sound watermark.
 *
 * A window of the sound is cut into steps, every chip of every step is measured, and the steps are folded
 * over the length of a block. The sync symbols, of which all is known, then say where blocks begin: their
 * correlation is tried at every step and every eighth of one, in deviations of itself (z). Where it stands
 * out, the id's symbols are summed and given to the Viterbi decoder, and its CRC decides. A sound that was
 * played faster or slower, with its pitch or without, is read by undoing every speed from -5 to +5 % and
 * keeping the one where the sync is clearest.
 *
 * False accepts: without a mark the sync of one piece of 30 s in nine reaches 4.8 somewhere among the 40 000
 * places and speeds of a full search (measured); each is decoded twice or so, and pure noise fits 1 in 6e7
 * times (code.c). That makes one in two million hours.
 */
#include "mark/watermark/audio.h"

#include <math.h>
#include <string.h>

enum {
    FINE = 128,                         /* samples from one tried position to the next */
    DENSE = 64,                         /* and between the frames from which other speeds are guessed */
    REACH = AM_BINS + AM_BIN + 16,      /* bins that those need: 5 % over the highest band */
    SPECTRUM = AM_FRAME + 2,
    SYNC_CHIPS = AM_SYNC * AM_PARTS,
    SHORT = 3 * AM_BLOCK,               /* a window: short, for edited sound and for finding the speed */
    LONG = 10 * AM_BLOCK,               /* and long, for faint marks */
    SEARCHES = 16,                      /* windows of a file in which other speeds are tried */
};
static const double z_hint = 4.4;       /* of a guessed speed, to look properly */
static const double z_enough = 4.8;     /* to try the decoder */
static const double z_clear = 7; /* a mark is there, though its id was not read: take a longer window */
static const double speed_step = 0.002, speed_most = 0.05;
static const double window_margin = 1.06;

typedef struct sync_chip {
    uint8_t step, band;
    int8_t sign;
} sync_chip;

typedef struct reader {
    am_layout layout;
    sync_chip sync[SYNC_CHIPS];
    float window[AM_FRAME];
    lk_fft *fft;
    const float *planes; /* the whole sound */
    int64_t n;
    int channels;
    float *speeded;      /* the present window at the present speed, channel after channel */
    int64_t length;      /* of each */
    float *rows;         /* its band powers */
    float *dense;        /* of a short window: powers summed up to each bin, REACH + 1 a frame */
    float *scratch;
    float sum[AM_STEPS][AM_BANDS], square[AM_STEPS][AM_BANDS]; /* chips folded over blocks */
} reader;

/* Where a block begins: the window's samples at a speed. */
typedef struct place {
    double z, speed;
    int64_t offset; /* 0..AM_BLOCK-1 */
} place;

static void reader_clear(reader *r)
{
    lk_fft_free(&r->fft);
    lk_free(r->speeded);
    lk_free(r->rows);
    lk_free(r->dense);
    lk_free(r->scratch);
}

static lk_status reader_init(reader *r, const wm_key *key, const float *planes, int64_t n, int channels,
                             lk_error *err)
{
    const int64_t most = (int64_t)((double)LK_MIN(n, LONG) * window_margin) + AM_FRAME,
                  rows = most / FINE + 8;
    r->planes = planes, r->n = n, r->channels = channels;
    am_layout_make(key, &r->layout);
    am_window(r->window);
    for (int p = 0, k = 0; p < AM_STEPS; p++)
        for (int b = 0; b < AM_BANDS; b++)
            if (r->layout.symbol[p][b] >= WM_CODED_BITS)
                r->sync[k++] = (sync_chip){(uint8_t)p, (uint8_t)b, r->layout.sign[p][b]};
    r->speeded = lk_alloc((size_t)(most * channels) * sizeof(float));
    r->rows = lk_alloc((size_t)(rows * AM_BANDS) * sizeof(float));
    r->scratch = lk_alloc((size_t)rows * sizeof(float));
    r->dense = lk_alloc((size_t)(LK_MIN(n, SHORT) / DENSE + 8) * (REACH + 1) * sizeof(float));
    lk_status s = LK_OK;
    if (!r->speeded || !r->rows || !r->scratch || !r->dense)
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to read the sound's watermark");
    if (s == LK_OK) s = lk_fft_new(AM_FRAME, &r->fft, err);
    if (s != LK_OK) reader_clear(r);
    return s;
}

/* Take a window of the sound as it was before it was played `speed` times as fast. */
static lk_status take(reader *r, int64_t from, int64_t count, double speed, lk_error *err)
{
    count = LK_MIN(count, r->n - from);
    r->length = (int64_t)((double)count * speed);
    for (int c = 0; c < r->channels; c++)
        LK_TRY(lk_resample(r->planes + c * r->n + from, count, 1 / speed, r->speeded + c * r->length,
                           r->length, err));
    return LK_OK;
}

/* Band powers of the taken window every `hop` samples from `from` (which may be negative). */
static int power_rows(reader *r, int64_t from, int hop)
{
    const int frames = r->length - from < AM_FRAME ? 0 : (int)((r->length - from - AM_FRAME) / hop) + 1;
    float frame[AM_FRAME], spectrum[SPECTRUM];
    memset(r->rows, 0, (size_t)frames * AM_BANDS * sizeof(float));
    for (int c = 0; c < r->channels; c++) {
        const float *x = r->speeded + c * r->length;
        for (int t = 0; t < frames; t++) {
            const int64_t first = from + (int64_t)t * hop;
            const int skip = (int)LK_CLAMP(-first, 0, AM_FRAME);
            for (int i = 0; i < skip; i++) frame[i] = 0;
            for (int i = skip; i < AM_FRAME; i++) frame[i] = x[first + i] * r->window[i];
            lk_fft_forward(r->fft, frame, spectrum);
            am_band_powers(spectrum, r->rows + (size_t)t * AM_BANDS);
        }
    }
    return frames;
}

/* Measure the steps that begin at row `phase` and fold them. per_hop: rows in AM_HOP samples. */
static void fold(reader *r, int frames, int per_hop, int phase, const float floors[AM_BANDS])
{
    memset(r->sum, 0, sizeof r->sum);
    memset(r->square, 0, sizeof r->square);
    for (int p = 0, row = phase; row + 3 * per_hop < frames;
         p = (p + 1) % AM_STEPS, row += AM_STEP_FRAMES * per_hop) {
        const float *x = r->rows + (size_t)row * AM_BANDS;
        const int next = per_hop * AM_BANDS;
        float early[AM_BANDS], late[AM_BANDS], value[AM_BANDS], slope[AM_BANDS];
        for (int b = 0; b < AM_BANDS; b++) {
            early[b] = x[b] + x[b + next];
            late[b] = x[b + 2 * next] + x[b + 3 * next];
        }
        am_measure(early, late, 1, floors, value, slope);
        for (int b = 0; b < AM_BANDS; b++) {
            r->sum[p][b] += value[b];
            r->square[p][b] += value[b] * value[b];
        }
    }
}

/* How clear the sync is if the block begins at folded step `first`. */
static double sync_z(const reader *r, int first)
{
    float sum = 0, square = 1e-12f;
    for (int i = 0; i < SYNC_CHIPS; i++) {
        int p = r->sync[i].step + first;
        p -= p >= AM_STEPS ? AM_STEPS : 0;
        sum += r->sync[i].sign * r->sum[p][r->sync[i].band];
        square += r->square[p][r->sync[i].band];
    }
    return sum / sqrtf(square);
}

/* Floors of the rows; a row is one frame and half a step is two. */
static void row_floors(reader *r, int frames, float floors[AM_BANDS])
{
    am_floors(r->rows, frames, r->scratch, floors);
    for (int b = 0; b < AM_BANDS; b++) floors[b] *= AM_STEP_FRAMES / 2;
}

/* The clearest place in rows that lie hop samples apart. */
static place clearest(reader *r, int frames, int hop, const float floors[AM_BANDS], double speed)
{
    place best = {-1, speed, 0};
    for (int phase = 0; phase < AM_STEP / hop; phase++) {
        fold(r, frames, AM_HOP / hop, phase, floors);
        for (int first = 0; first < AM_STEPS; first++) {
            const double z = sync_z(r, first);
            if (z > best.z) best = (place){z, speed, (int64_t)first * AM_STEP + phase * hop};
        }
    }
    return best;
}

/* Of the taken window. */
static place look(reader *r, double speed)
{
    float floors[AM_BANDS];
    const int frames = power_rows(r, 0, FINE);
    row_floors(r, frames, floors);
    return clearest(r, frames, FINE, floors, speed);
}

/* --- other speeds -------------------------------------------------------------------------------- */

/* To undo a speed properly the sound is resampled; to guess which, it is enough to read the spectra of the
 * sound as it is at other times and frequencies. That costs a fifth. */
static int dense_rows(reader *r)
{
    const int frames = r->length < AM_FRAME ? 0 : (int)((r->length - AM_FRAME) / DENSE) + 1;
    float frame[AM_FRAME], spectrum[SPECTRUM];
    memset(r->dense, 0, (size_t)frames * (REACH + 1) * sizeof(float));
    for (int c = 0; c < r->channels; c++)
        for (int t = 0; t < frames; t++) {
            const float *x = r->speeded + c * r->length + t * DENSE;
            float *sum = r->dense + (size_t)t * (REACH + 1), total = 0;
            for (int i = 0; i < AM_FRAME; i++) frame[i] = x[i] * r->window[i];
            lk_fft_forward(r->fft, frame, spectrum);
            for (int k = AM_BIN - 2; k < REACH; k++) { /* lower bins are loud: sums of theirs would round */
                total += spectrum[2 * k] * spectrum[2 * k] + spectrum[2 * k + 1] * spectrum[2 * k + 1];
                sum[k + 1] += total;
            }
        }
    return frames;
}

/* Rows every hop samples of the marked sound, if it was played `tempo` times as fast and `pitch` times as
 * high: the row centred at time t lies at t / tempo here, and its band edges `pitch` times as high. */
static int warped_rows(reader *r, int dense, double tempo, double pitch, int hop)
{
    int edge[AM_BANDS + 1], frames = 0;
    float part[AM_BANDS + 1];
    for (int b = 0; b <= AM_BANDS; b++) {
        /* Bin k reaches from k - 1/2 to k + 1/2. */
        const double at = (AM_BIN + b * AM_BAND_BINS - 0.5) * pitch + 0.5;
        edge[b] = (int)at;
        part[b] = (float)(at - edge[b]);
    }
    for (;; frames++) {
        const int64_t t = lrint(((frames * hop + AM_FRAME / 2) / tempo - AM_FRAME / 2) / DENSE);
        if (t >= dense) return frames;
        const float *sum = r->dense + LK_MAX(t, 0) * (REACH + 1);
        float *row = r->rows + (size_t)frames * AM_BANDS, below = 0;
        for (int b = 0; b <= AM_BANDS; b++) {
            const float here = sum[edge[b]] + part[b] * (sum[edge[b] + 1] - sum[edge[b]]);
            if (b > 0) row[b - 1] = here - below;
            below = here;
        }
    }
}

static place guess(reader *r, int dense, double tempo, double pitch, int hop, const float floors[AM_BANDS])
{
    return clearest(r, warped_rows(r, dense, tempo, pitch, hop), hop, floors, tempo);
}

/* --- one window ---------------------------------------------------------------------------------- */

/* Sum the id's chips of the folded window and decode. */
static bool decode(const reader *r, int first, wm_found *out)
{
    float soft[WM_CODED_BITS] = {0};
    uint8_t bit[WM_CODED_BITS];
    for (int p = 0; p < AM_STEPS; p++)
        for (int b = 0; b < AM_BANDS; b++)
            if (r->layout.symbol[p][b] < WM_CODED_BITS)
                soft[r->layout.symbol[p][b]] +=
                    (float)r->layout.sign[p][b] * r->sum[(p + first) % AM_STEPS][b];
    if (!wm_decode(soft, &out->id)) return false;
    wm_encode(out->id, bit);
    int wrong = 0;
    for (int i = 0; i < WM_CODED_BITS; i++) wrong += (soft[i] > 0) != bit[i];
    out->errors = (double)wrong / WM_CODED_BITS;
    return true;
}

/* Read at a place of the taken window: settle its position to 32 samples, then decode. */
static bool read_at(reader *r, place at, wm_found *out)
{
    const int first = (int)(at.offset / AM_STEP);
    const int64_t inside = at.offset % AM_STEP;
    double best = -1;
    int shift = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int d = pass ? shift : -96; d <= (pass ? shift : 96); d += 32) {
            float floors[AM_BANDS];
            const int frames = power_rows(r, inside + d, AM_HOP);
            row_floors(r, frames, floors);
            fold(r, frames, 1, 0, floors);
            const double z = sync_z(r, first);
            if (z > best) best = z, shift = d;
        }
    out->z = LK_MAX(out->z, best);
    return decode(r, first, out);
}

static void found_at(const reader *r, int64_t from, int64_t count, double speed, wm_found *out)
{
    out->found = true;
    out->scale = speed;
    out->begin = (double)from / AM_RATE;
    out->end = (double)LK_MIN(from + count, r->n) / AM_RATE;
}

/* The window at one speed. */
static lk_status try_speed(reader *r, int64_t from, int64_t count, double speed, wm_found *out, place *at,
                           lk_error *err)
{
    LK_TRY(take(r, from, count, speed, err));
    *at = look(r, speed);
    out->z = LK_MAX(out->z, at->z);
    if (at->z < z_enough || !read_at(r, *at, out)) return LK_OK;
    found_at(r, from, count, speed, out);
    return LK_OK;
}

/* Settle a speed to where the sync is clearest, two steps either side. */
static lk_status settle(reader *r, int64_t from, int64_t count, double step, place *best, lk_error *err)
{
    const double middle = best->speed;
    best->z = -1;
    for (int k = -2; k <= 2; k++) {
        LK_TRY(take(r, from, count, middle + k * step, err));
        const place at = look(r, middle + k * step);
        if (at.z > best->z) *best = at;
    }
    return LK_OK;
}

/* Tempo that was changed without pitch cannot be undone by resampling: the guess is refined and read itself.
 */
static void read_tempo(reader *r, int dense, place best, const float floors[AM_BANDS], int64_t from,
                       wm_found *out)
{
    const double middle = best.speed;
    best.z = -1;
    for (int k = -2; k <= 2; k++) {
        const place at = guess(r, dense, middle + k * speed_step / 4, 1, FINE, floors);
        if (at.z > best.z) best = at;
    }
    out->z = LK_MAX(out->z, best.z);
    if (best.z < z_enough) return;
    const int frames = warped_rows(r, dense, best.speed, 1, FINE);
    fold(r, frames, AM_HOP / FINE, (int)(best.offset % AM_STEP) / FINE, floors);
    if (decode(r, (int)(best.offset / AM_STEP), out)) found_at(r, from, SHORT, best.speed, out);
}

/* Every speed, with its pitch and without; then the clearest more finely, and if it is plainly there but
 * cannot be read, over a longer window. */
static lk_status try_speeds(reader *r, int64_t from, wm_found *out, lk_error *err)
{
    place best = {-1, 1, 0}, tempo = best, at;
    float floors[AM_BANDS];
    LK_TRY(take(r, from, SHORT, 1, err));
    row_floors(r, power_rows(r, 0, AM_HOP), floors);
    const int dense = dense_rows(r), speeds = (int)(speed_most / speed_step + 0.5);
    for (int k = -speeds; k <= speeds; k++) {
        at = guess(r, dense, 1 + k * speed_step, 1 + k * speed_step, AM_HOP, floors);
        if (at.z > best.z) best = at;
        at = guess(r, dense, 1 + k * speed_step, 1, AM_HOP, floors);
        if (at.z > tempo.z) tempo = at;
    }
    if (tempo.z >= z_hint) read_tempo(r, dense, tempo, floors, from, out);
    if (out->found || best.z < z_hint) return LK_OK;
    LK_TRY(settle(r, from, SHORT, speed_step / 4, &best, err));
    LK_TRY(try_speed(r, from, SHORT, best.speed, out, &at, err));
    if (out->found || best.z < z_clear || r->n - from <= SHORT) return LK_OK;
    LK_TRY(settle(r, from, LONG, speed_step / 16, &best, err));
    return try_speed(r, from, LONG, best.speed, out, &at, err);
}

static lk_status search(reader *r, wm_found *out, lk_error *err)
{
    static const int64_t sizes[] = {LONG, SHORT};
    place at;
    for (size_t k = 0; k < LK_COUNT(sizes); k++)
        for (int64_t from = 0; from == 0 || from + sizes[k] / 2 < r->n; from += sizes[k] / 2) {
            if (k > 0 && r->n <= SHORT) break; /* that was the first window already */
            LK_TRY(try_speed(r, from, sizes[k], 1, out, &at, err));
            if (out->found) return LK_OK;
        }
    /* Other speeds cost ten times as much: a few windows, spread over the sound, must do. */
    const int64_t windows = LK_MAX((r->n + SHORT - 1) / SHORT, 1), tries = LK_MIN(windows, SEARCHES);
    for (int64_t i = 0; i < tries && !out->found; i++) {
        const int64_t last = LK_MAX(r->n - SHORT, 0);
        LK_TRY(try_speeds(r, tries > 1 ? last * i / (tries - 1) : 0, out, err));
    }
    return LK_OK;
}

lk_status wm_audio_detect(const lk_audio *a, const wm_key *key, wm_found *out, lk_error *err)
{
    *out = (wm_found){.scale = 1};
    float *planes;
    int64_t n;
    if (a->rate < AM_RATE / 4 || a->channels < 1 || a->channels > AM_CHANNELS)
        return LK_OK; /* nothing that can be marked */
    LK_TRY(am_planes(a, &planes, &n, err));
    reader *r = n < AM_BLOCK / 2 ? NULL : lk_calloc(1, sizeof *r);
    lk_status s = LK_OK;
    if (r) {
        s = reader_init(r, key, planes, n, a->channels, err);
        if (s == LK_OK) {
            s = search(r, out, err);
            reader_clear(r);
        }
        if (!out->found) out->id = 0;
    } else if (n >= AM_BLOCK / 2) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to read the sound's watermark");
    }
    lk_free(r);
    lk_free(planes);
    return s;
}

lk_status wm_audio_detect_file(const char *path, const wm_key *key, wm_found *out, lk_error *err)
{
    *out = (wm_found){.scale = 1};
    lk_audio a = {0};
    /* At its own rate an hour of stereo would need three times the memory. */
    LK_TRY(lk_audio_read(path, AM_RATE, 0, &a, err));
    lk_status s = wm_audio_detect(&a, key, out, err);
    lk_audio_clear(&a);
    return s;
}
