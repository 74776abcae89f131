/* Opening the speaker model, and the embedding of a recording or of its pieces. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "voice/speaker_net.h"

#define HOP (LK_CHUNK / 2)
#define WINDOW_DEFAULT 3.0
#define WINDOW_MIN 2.0
#define WINDOW_MAX 10.0

struct lk_speaker {
    lk_params *params;
    lk_net *net;
    lk_node in;
    lk_speaker_back back;
    lk_speaker_limits limits;
    bool measured;
};

static lk_status take(const lk_safetensors *st, const char *path, const char *name, float *out, int64_t count,
                      lk_error *err)
{
    const lk_named_tensor *t = lk_safetensors_find(st, name);
    if (!t || strcmp(t->dtype, "F32") || t->bytes != (size_t)count * sizeof(float))
        return LK_FAIL(err, LK_E_FORMAT, "%s has no usable \"%s\"; reinstall the models or set LIKENESS_MODELS", path,
                       name);
    memcpy(out, t->data, t->bytes);
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(out[i]))
            return LK_FAIL(err, LK_E_FORMAT, "%s holds what is not a number in \"%s\"; reinstall the models", path,
                           name);
    return LK_OK;
}

/* A number in -1..1 from the metadata; false when there is none. */
static bool meta(const lk_safetensors *st, const char *key, float *out)
{
    const char *text = lk_safetensors_meta(st, key);
    char *end = NULL;
    float v = text ? strtof(text, &end) : 0;
    if (!text || end == text || *end || !(v >= -1 && v <= 1)) return false;
    *out = v;
    return true;
}

static lk_status load(lk_speaker *sp, const char *path, const lk_safetensors *st, lk_error *err)
{
    const char *kind = lk_safetensors_meta(st, "net");
    if (!kind || strcmp(kind, LK_SPEAKER_NET))
        return LK_FAIL(err, LK_E_FORMAT,
                       "%s holds the network \"%s\", not " LK_SPEAKER_NET
                       "; reinstall the models or set LIKENESS_MODELS",
                       path, kind ? kind : "(unnamed)");
    LK_TRY(take(st, path, "deep.mean", sp->back.deep_mean, LK_VOICE_DEEP, err));
    LK_TRY(take(st, path, "flat.mean", sp->back.flat_mean, LK_VOICE_STATS, err));
    LK_TRY(take(st, path, "flat.matrix", sp->back.flat[0], LK_VOICE_FLAT * LK_VOICE_STATS, err));
    LK_TRY(take(st, path, "sounds.weight", sp->back.sounds.weight, LK_GAUSSIANS, err));
    LK_TRY(take(st, path, "sounds.mean", sp->back.sounds.mean[0], LK_GAUSSIANS * LK_CEPSTRA, err));
    LK_TRY(take(st, path, "sounds.deviation", sp->back.sounds.deviation[0], LK_GAUSSIANS * LK_CEPSTRA, err));
    for (int g = 0; g < LK_GAUSSIANS; g++)
        for (int k = 0; k < LK_CEPSTRA; k++)
            if (!(sp->back.sounds.deviation[g][k] > 0) || sp->back.sounds.weight[g] < 0)
                return LK_FAIL(err, LK_E_FORMAT, "%s holds sounds without width; reinstall the models", path);
    if (!meta(st, "share", &sp->back.share) || sp->back.share < 0)
        return LK_FAIL(err, LK_E_FORMAT, "%s does not say how its halves are weighted; reinstall the models", path);
    sp->measured = meta(st, "accept", &sp->limits.accept) && meta(st, "reject", &sp->limits.reject) &&
                   sp->limits.reject <= sp->limits.accept;
    LK_TRY(lk_params_new(&sp->params, err));
    /* f32 everywhere: the thresholds then mean the same on every machine, and the network is small. */
    LK_TRY(lk_net_new(&sp->net, LK_SPEAKER_NET, sp->params, LK_BACKEND_DNN, LK_F32, err));
    sp->in = lk_net_speaker(sp->net, 1, NULL);
    LK_TRY(lk_net_plan(sp->net, false, 1, err));
    LK_TRY(lk_params_load(sp->params, st, LK_LOAD_EXACT, NULL, NULL, NULL, err));
    LK_TRY(lk_net_bind(sp->net, err));
    lk_net_refresh(sp->net);
    return LK_OK;
}

lk_status lk_speaker_open(const char *models_dir, lk_speaker **out, lk_error *err)
{
    *out = NULL;
    if (!models_dir) return LK_FAIL(err, LK_E_ARG, "opening the speaker model needs the folder of the models");
    lk_safetensors *st = NULL;
    lk_speaker *sp = lk_calloc(1, sizeof *sp);
    char *path = lk_strfmt("%s/" LK_SPEAKER_NET ".safetensors", models_dir);
    lk_status s = sp && path ? lk_safetensors_open(path, &st, err)
                             : LK_FAIL(err, LK_E_NOMEM, "no memory to open the speaker model");
    if (s == LK_OK) s = load(sp, path, st, err);
    lk_safetensors_close(st);
    lk_free(path);
    if (s == LK_OK) *out = sp;
    else lk_speaker_close(&sp);
    return s;
}

void lk_speaker_close(lk_speaker **sp)
{
    if (!*sp) return;
    lk_net_free((*sp)->net);
    lk_params_free((*sp)->params);
    lk_free(*sp);
    *sp = NULL;
}

/* To length `to`; false for a vector that has no direction. */
static bool scale_to(float *v, int n, double to)
{
    double square = 0;
    for (int i = 0; i < n; i++) square += (double)v[i] * v[i];
    if (!(square > 1e-20)) return false;
    float k = (float)(to / sqrt(square));
    for (int i = 0; i < n; i++) v[i] *= k;
    return true;
}

void lk_speaker_piece_embed(lk_speaker *sp, const lk_voiced *v, int64_t from, int64_t to,
                            float out[LK_SPEAKER_EMBEDDING])
{
    float stats[LK_VOICE_STATS], *deep = out, *flat = out + LK_VOICE_DEEP;
    memset(out, 0, LK_SPEAKER_EMBEDDING * sizeof *out);
    int64_t frames = to - from;
    for (int64_t at = 0;; at += HOP) { /* the last chunk ends with the last frame */
        int64_t start = from + LK_MAX(LK_MIN(at, frames - LK_CHUNK), 0);
        lk_chunk_make(v->power + start * LK_MEL_BANDS, to - start, lk_net_in(sp->net, sp->in)->data);
        lk_net_forward(sp->net);
        const float *y = lk_net_out(sp->net, "embedding")->data;
        for (int i = 0; i < LK_VOICE_DEEP; i++) deep[i] += y[i];
        if (at + LK_CHUNK >= frames) break;
    }
    scale_to(deep, LK_VOICE_DEEP, 1);
    for (int i = 0; i < LK_VOICE_DEEP; i++) deep[i] -= sp->back.deep_mean[i];
    lk_stats_make(v->power + from * LK_MEL_BANDS, v->pitch + from, frames, &sp->back.sounds, stats);
    for (int k = 0; k < LK_VOICE_FLAT; k++)
        for (int i = 0; i < LK_VOICE_STATS; i++)
            flat[k] += sp->back.flat[k][i] * (stats[i] - sp->back.flat_mean[i]);
    scale_to(deep, LK_VOICE_DEEP, sqrt(1 - sp->back.share));
    scale_to(flat, LK_VOICE_FLAT, sqrt(sp->back.share));
}

static lk_status enough(const lk_voiced *v, lk_error *err)
{
    if (v->seconds >= LK_SPEAKER_LEAST) return LK_OK;
    return LK_FAIL(err, LK_E_NOTFOUND,
                   "only %.1f s of speech were found and recognising a voice needs %.1f; record more, closer to the "
                   "microphone",
                   v->seconds, LK_SPEAKER_LEAST);
}

lk_status lk_speaker_embed(lk_speaker *sp, const float *samples, int64_t n, float out[LK_SPEAKER_EMBEDDING],
                           float *speech_seconds, lk_error *err)
{
    lk_voiced v;
    if (speech_seconds) *speech_seconds = 0;
    LK_TRY(lk_voiced_make(samples, n, &v, err));
    if (speech_seconds) *speech_seconds = (float)v.seconds;
    lk_status s = enough(&v, err);
    if (s == LK_OK) lk_speaker_piece_embed(sp, &v, 0, v.frames, out);
    lk_voiced_clear(&v);
    return s;
}

float lk_speaker_cosine(const float a[LK_SPEAKER_EMBEDDING], const float b[LK_SPEAKER_EMBEDDING])
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < LK_SPEAKER_EMBEDDING; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? (float)(ab / sqrt(aa * bb)) : 0.0f;
}

lk_status lk_speaker_thresholds(const lk_speaker *sp, lk_speaker_limits *out, lk_error *err)
{
    *out = sp->limits;
    if (sp->measured) return LK_OK;
    return LK_FAIL(err, LK_E_STATE, "the speaker model holds no measured thresholds; reinstall the models");
}

lk_status lk_speaker_track(lk_speaker *sp, const float *samples, int64_t n, double window, lk_speaker_pieces *out,
                           lk_error *err)
{
    memset(out, 0, sizeof *out);
    if (window == 0) window = WINDOW_DEFAULT;
    if (!(window >= WINDOW_MIN && window <= WINDOW_MAX))
        return LK_FAIL(err, LK_E_RANGE, "pieces of %g s cannot be told apart; choose %g to %g s", window, WINDOW_MIN,
                       WINDOW_MAX);
    lk_voiced v;
    LK_TRY(lk_voiced_make(samples, n, &v, err));
    lk_status s = enough(&v, err);
    int64_t size = LK_MIN(llround(window * LK_MEL_RATE), v.frames), hop = LK_MAX(size / 2, 1);
    int64_t count = (v.frames - size + hop - 1) / hop + 1;
    if (s == LK_OK && !(out->piece = lk_calloc((size_t)count, sizeof *out->piece)))
        s = LK_FAIL(err, LK_E_NOMEM, "no memory to follow the voice through the recording");
    for (int64_t i = 0; s == LK_OK && i < count; i++) {
        int64_t from = LK_MIN(i * hop, v.frames - size);
        lk_speaker_piece *p = &out->piece[out->count++];
        p->start = (double)v.at[from] / LK_MEL_RATE;
        p->end = (double)(v.at[from + size - 1] + 1) / LK_MEL_RATE;
        lk_speaker_piece_embed(sp, &v, from, from + size, p->embedding);
    }
    lk_voiced_clear(&v);
    return s;
}

void lk_speaker_pieces_clear(lk_speaker_pieces *p)
{
    lk_free(p->piece);
    memset(p, 0, sizeof *p);
}
