/* template_bytes.c: a template as fixed little-endian bytes: "LKFT", version, length of the
 * vector, the network's hash, frames, spread, the vector, and a CRC of it
 * all. Whoever keeps them encrypts and signs them; the CRC only finds accidents.
 */
#include "face/template.h"

#include <math.h>
#include <string.h>

#define VERSION 1
static const char magic[4] = "LKFT";

static uint8_t *put(uint8_t *p, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) *p++ = (uint8_t)(v >> 8 * i);
    return p;
}

static uint8_t *put_float(uint8_t *p, float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return put(p, u, 4);
}

static uint32_t get(const uint8_t **p, int bytes)
{
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++) v |= (uint32_t)*(*p)++ << 8 * i;
    return v;
}

static float get_float(const uint8_t **p)
{
    uint32_t u = get(p, 4);
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

void lk_face_template_write(const lk_face_template *t, uint8_t out[LK_FACE_TEMPLATE_BYTES])
{
    uint8_t *p = out;
    memcpy(p, magic, sizeof magic);
    p = put(p + sizeof magic, VERSION, 2);
    p = put(p, LK_EMBEDDING, 2);
    memcpy(p, t->model.b, LK_HASH_BYTES);
    p = put(p + LK_HASH_BYTES, (uint32_t)t->frames, 4);
    p = put_float(p, t->spread);
    for (int i = 0; i < LK_EMBEDDING; i++) p = put_float(p, t->v[i]);
    put(p, lk_crc32(0, out, LK_FACE_TEMPLATE_BYTES - 4), 4);
}

static bool sane(const lk_face_template *t)
{
    double n = 0;
    for (int i = 0; i < LK_EMBEDDING; i++) n += (double)t->v[i] * t->v[i];
    return fabs(n - 1) < 1e-3 && t->frames >= 1 && t->frames <= 1 << 20 && t->spread >= 0 && t->spread <= 1;
}

lk_status lk_face_template_read(lk_analyser *a, const void *bytes, size_t n, const char *what, lk_face_template *out,
                                lk_error *err)
{
    memset(out, 0, sizeof *out);
    lk_face_template t = {0};
    const uint8_t *p = bytes;
    if (n < 8 || memcmp(p, magic, sizeof magic))
        return LK_FAIL(err, LK_E_FORMAT, "%s is no face template", what);
    p += sizeof magic;
    uint32_t version = get(&p, 2), length = get(&p, 2);
    if (version != VERSION || length != LK_EMBEDDING)
        return LK_FAIL(err, LK_E_FORMAT, "%s is a face template of format %u with %u numbers; this version reads format %d "
                       "with %d: enrol the person again", what, version, length, VERSION, LK_EMBEDDING);
    if (n != LK_FACE_TEMPLATE_BYTES)
        return LK_FAIL(err, LK_E_FORMAT, "%s is damaged: a face template has %d bytes, not %zu", what,
                       LK_FACE_TEMPLATE_BYTES, n);
    memcpy(t.model.b, p, LK_HASH_BYTES);
    p += LK_HASH_BYTES;
    t.frames = (int)get(&p, 4);
    t.spread = get_float(&p);
    for (int i = 0; i < LK_EMBEDDING; i++) t.v[i] = get_float(&p);
    if (get(&p, 4) != lk_crc32(0, bytes, LK_FACE_TEMPLATE_BYTES - 4) || !sane(&t))
        return LK_FAIL(err, LK_E_FORMAT, "%s is damaged: its contents do not fit its checksum", what);
    lk_hash now;
    LK_TRY(lk_analyser_identity_model(a, &now, err));
    if (!lk_hash_equal(&t.model, &now)) {
        char was[LK_HASH_HEX], is[LK_HASH_HEX];
        lk_hash_hex(&t.model, was);
        lk_hash_hex(&now, is);
        return LK_FAIL(err, LK_E_STATE,
                       "%s was made by another version of the identity network (%.12s, here it is %.12s): enrol the person "
                       "again from the statement video", what, was, is);
    }
    *out = t;
    return LK_OK;
}
