/* note.c: checkpoints as signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-witness):
 *
 *     old 17                                   only with a proof: from which size
 *     BASE64 HASH                              the consistency proof, a line each
 *                                              an empty line ends it
 *     likeness/consent/HEX OF THE KEY          what is signed: name,
 *     23                                       rows,
 *     BASE64 ROOT                              root
 *
 *     — likeness/consent/HEX BASE64            the log's signature
 *     — witness.example BASE64                 and those of witnesses
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consent/internal.h"
#include "consent/log.h"

#define ORIGIN "likeness/consent/"
#define DASH "\xE2\x80\x94 "

enum { ED25519 = 0x01, COSIGNATURE = 0x04, KEY_ID_BYTES = 4, STAMP_BYTES = 8, BLOB_MOST = 128 };

/* --- base64 (RFC 4648), with padding ------------------------------------------------------ */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_base64(lk_text *t, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v =
            (uint32_t)b[i] << 16 | (uint32_t)(i + 1 < n ? b[i + 1] : 0) << 8 | (i + 2 < n ? b[i + 2] : 0);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63], i + 1 < n ? digits[v >> 6 & 63] : '=',
                        i + 2 < n ? digits[v & 63] : '='};
        lk_text_addn(t, four, 4);
    }
}

/* Bytes decoded, 0 when it is not the one base64 text of any. */
static size_t read_base64(const char *s, size_t n, uint8_t *out, size_t cap)
{
    size_t len = 0;
    if (n == 0 || n % 4) return 0;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t v = 0;
        int pad = 0;
        for (size_t k = 0; k < 4; k++) {
            char c = s[i + k];
            const char *d = c && c != '=' ? strchr(digits, c) : NULL;
            bool end = c == '=' && i + 4 == n && k >= 2;
            if ((!d && !end) || (d && pad)) return 0;
            pad += !d;
            v = v << 6 | (uint32_t)(d ? d - digits : 0);
        }
        if ((pad == 1 && (v & 0xFF)) || (pad == 2 && (v & 0xFFFF)) || len + 3 - (size_t)pad > cap) return 0;
        for (int k = 0; k < 3 - pad; k++) out[len++] = (uint8_t)(v >> (16 - 8 * k));
    }
    return len;
}

/* --- the pieces of a note -------------------------------------------------------------------- */

static void key_id(const char *name, uint8_t kind, const uint8_t pub[LK_SIGN_PUBLIC],
                   uint8_t id[KEY_ID_BYTES])
{
    lk_text t = {0};
    lk_text_add(&t, "%s\n", name);
    lk_text_addn(&t, (const char *)&kind, 1);
    lk_text_addn(&t, (const char *)pub, LK_SIGN_PUBLIC);
    lk_hash h = t.failed ? (lk_hash){{0}} : lk_hash_bytes(t.s, t.len);
    memcpy(id, h.b, KEY_ID_BYTES);
    lk_text_clear(&t);
}

/* Bytes of the signed part: up to and with the line end before the empty line. */
static size_t body_length(const char *note)
{
    const char *end = strstr(note, "\n\n");
    return end ? (size_t)(end - note) + 1 : 0;
}

static void add_signature(lk_text *t, const char *name, uint8_t kind, const uint8_t pub[LK_SIGN_PUBLIC],
                          const uint8_t *stamp, const uint8_t sig[LK_SIGN_BYTES])
{
    uint8_t blob[BLOB_MOST];
    size_t n = KEY_ID_BYTES;
    key_id(name, kind, pub, blob);
    if (stamp) memcpy(blob + n, stamp, STAMP_BYTES), n += STAMP_BYTES;
    memcpy(blob + n, sig, LK_SIGN_BYTES);
    lk_text_add(t, DASH "%s ", name);
    add_base64(t, blob, n + LK_SIGN_BYTES);
    lk_text_add(t, "\n");
}

typedef struct cursor {
    const char *p, *end;
} cursor;

/* The next line without its end; false when there is none. */
static bool next_line(cursor *c, const char **line, size_t *n)
{
    const char *end = memchr(c->p, '\n', (size_t)(c->end - c->p));
    if (!end) return false;
    *line = c->p;
    *n = (size_t)(end - c->p);
    c->p = end + 1;
    return true;
}

/* Decimal without sign or leading zero, below 2^53. */
static bool read_number(const char *s, size_t n, int64_t *out)
{
    if (n == 0 || n > 15 || (n > 1 && *s == '0')) return false;
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
        *out = *out * 10 + (s[i] - '0');
    }
    return true;
}

/* The blob of the signature line that a key of this kind wrote, under any name or under the one given; its
 * bytes, 0 when there is no such line. */
static size_t find_signature(const char *note, const char *name, uint8_t kind,
                             const uint8_t pub[LK_SIGN_PUBLIC], uint8_t blob[BLOB_MOST])
{
    cursor c = {note + body_length(note) + 1, note + strlen(note)};
    const char *line;
    size_t n;
    while (next_line(&c, &line, &n)) {
        char who[256];
        uint8_t id[KEY_ID_BYTES];
        if (n < sizeof DASH || memcmp(line, DASH, sizeof DASH - 1) != 0) continue;
        line += sizeof DASH - 1;
        n -= sizeof DASH - 1;
        const char *space = memchr(line, ' ', n);
        if (!space || (size_t)(space - line) >= sizeof who) continue;
        snprintf(who, sizeof who, "%.*s", (int)(space - line), line);
        if (name && strcmp(name, who) != 0) continue;
        size_t got = read_base64(space + 1, n - (size_t)(space + 1 - line), blob, BLOB_MOST);
        key_id(who, kind, pub, id);
        if (got > KEY_ID_BYTES && !memcmp(blob, id, KEY_ID_BYTES)) return got;
    }
    return 0;
}

/* --- reading ------------------------------------------------------------------------------------ */

static bool read_proof(cursor *c, lk_checkpoint *out)
{
    const char *line;
    size_t n;
    if (c->end - c->p < 4 || memcmp(c->p, "old ", 4) != 0) return true;
    if (!next_line(c, &line, &n) || !read_number(line + 4, n - 4, &out->old_size)) return false;
    while (next_line(c, &line, &n) && n > 0) {
        if (out->proof_count == LK_MERKLE_PATH ||
            read_base64(line, n, out->proof[out->proof_count].b, LK_HASH_BYTES) != LK_HASH_BYTES)
            return false;
        out->proof_count++;
    }
    return n == 0;
}

static bool read_body(cursor c, lk_checkpoint *out)
{
    lk_hash key; /* of the size of a public key */
    const char *line;
    size_t n;
    if (!next_line(&c, &line, &n) || n >= sizeof out->origin || n != strlen(ORIGIN) + 2 * LK_SIGN_PUBLIC ||
        memcmp(line, ORIGIN, strlen(ORIGIN)) != 0)
        return false;
    memcpy(out->origin, line, n);
    if (!lk_hash_from_hex(out->origin + strlen(ORIGIN), &key)) return false;
    memcpy(out->key, key.b, LK_SIGN_PUBLIC);
    return next_line(&c, &line, &n) && read_number(line, n, &out->size) && next_line(&c, &line, &n) &&
           read_base64(line, n, out->root.b, LK_HASH_BYTES) == LK_HASH_BYTES && next_line(&c, &line, &n) &&
           n == 0;
}

lk_status lk_checkpoint_read(const void *text, size_t n, lk_checkpoint *out, lk_error *err)
{
    uint8_t blob[BLOB_MOST];
    cursor c = {text, (const char *)text + n};
    memset(out, 0, sizeof *out);
    bool good = n > 0 && !memchr(text, 0, n) && read_proof(&c, out) &&
                (size_t)(c.end - c.p) < sizeof out->note && c.p < c.end && c.end[-1] == '\n' &&
                read_body(c, out);
    if (!good) return LK_FAIL(err, LK_E_FORMAT, "this is no checkpoint of a consent log, or it was damaged");
    memcpy(out->note, c.p, (size_t)(c.end - c.p));
    if (find_signature(out->note, out->origin, ED25519, out->key, blob) != KEY_ID_BYTES + LK_SIGN_BYTES ||
        !lk_sign_check(out->key, out->note, body_length(out->note), blob + KEY_ID_BYTES))
        return LK_FAIL(err, LK_E_FORMAT, "this checkpoint is not signed by the key of the log that it names");
    return LK_OK;
}

lk_status lk_checkpoint_follows(const lk_checkpoint *older, const lk_checkpoint *newer, lk_error *err)
{
    if (strcmp(older->origin, newer->origin))
        return LK_FAIL(err, LK_E_ARG, "the two checkpoints are of different logs");
    if (older->size > newer->size)
        return LK_FAIL(err, LK_E_ARG,
                       "the first checkpoint has more rows than the second: name the older one first");
    bool same_size = older->size == newer->size;
    if (!same_size && newer->old_size != older->size && older->size > 0)
        return LK_FAIL(
            err, LK_E_ARG,
            "the newer checkpoint carries no proof from row %lld; ask for one made with: likeness consent "
            "checkpoint --since OLD",
            (long long)older->size);
    if (older->size == 0 || lk_merkle_check_consistency(older->size, newer->size, &older->root, &newer->root,
                                                        newer->proof, same_size ? 0 : newer->proof_count))
        return LK_OK;
    return LK_FAIL(
        err, LK_E_FORMAT,
        "the log was rewritten: what it showed as its first %lld rows is not what it shows now. Both "
        "checkpoints are signed with the studio's key: keep them, together they prove it",
        (long long)older->size);
}

/* --- writing ------------------------------------------------------------------------------------- */

static void add_proof(lk_text *t, int64_t old_size, const lk_hash *proof, int count)
{
    lk_text_add(t, "old %lld\n", (long long)old_size);
    for (int i = 0; i < count; i++) {
        add_base64(t, proof[i].b, LK_HASH_BYTES);
        lk_text_add(t, "\n");
    }
    lk_text_add(t, "\n");
}

lk_status note_write(const lk_registry *r, int64_t size, const lk_hash *root, lk_text *out, lk_error *err)
{
    char origin[96];
    uint8_t sig[LK_SIGN_BYTES];
    lk_text body = {0};
    lk_hash key;
    memcpy(key.b, r->studio_public, sizeof key.b);
    strcpy(origin, ORIGIN);
    lk_hash_hex(&key, origin + strlen(ORIGIN));
    lk_text_add(&body, "%s\n%lld\n", origin, (long long)size);
    add_base64(&body, root->b, LK_HASH_BYTES);
    lk_text_add(&body, "\n");
    lk_status s =
        body.failed ? consent_no_memory(err) : lk_sign_make(r->studio_secret, body.s, body.len, sig, err);
    if (s == LK_OK) {
        lk_text_add(out, "%s\n", body.s);
        add_signature(out, origin, ED25519, r->studio_public, NULL, sig);
        if (out->failed) s = consent_no_memory(err);
    }
    lk_text_clear(&body);
    return s;
}

lk_status lk_log_checkpoint(lk_registry *r, const lk_checkpoint *since, lk_text *out, lk_error *err)
{
    lk_hash *leaves = NULL, path[LK_MERKLE_PATH];
    int64_t n = 0;
    registry_lock(r);
    lk_status s = log_leaves(r, &leaves, &n, err);
    if (s == LK_OK && since && memcmp(since->key, r->studio_public, LK_SIGN_PUBLIC))
        s = LK_FAIL(err, LK_E_ARG, "the older checkpoint is of another log than that of %s", r->dir);
    if (s == LK_OK && since && since->size > 0) {
        lk_hash old = lk_merkle_root(leaves, LK_MIN(since->size, n));
        if (since->size > n || !lk_hash_equal(&old, &since->root))
            s = LK_FAIL(err, LK_E_FORMAT,
                        "the older checkpoint, of %lld rows, is not of the log in %s: one of the two is a "
                        "copy that went "
                        "its own way, or the log was rewritten",
                        (long long)since->size, r->dir);
        else add_proof(out, since->size, path, lk_merkle_consistency(leaves, since->size, n, path));
    }
    if (s == LK_OK) {
        lk_hash root = lk_merkle_root(leaves, n);
        s = note_write(r, n, &root, out, err);
    }
    registry_unlock(r);
    lk_free(leaves);
    return s;
}

/* --- witnesses ---------------------------------------------------------------------------------- */

/* What a cosignature is over: the time, then the signed part of the note. */
static lk_status witnessed(const lk_checkpoint *c, int64_t time, lk_text *out, lk_error *err)
{
    lk_text_add(out, "cosignature/v1\ntime %lld\n", (long long)time);
    lk_text_addn(out, c->note, body_length(c->note));
    return out->failed ? consent_no_memory(err) : LK_OK;
}

lk_status lk_checkpoint_cosign(const lk_checkpoint *c, const char *name, const uint8_t pub[LK_SIGN_PUBLIC],
                               const uint8_t sec[LK_SIGN_SECRET], int64_t time, lk_text *out, lk_error *err)
{
    uint8_t stamp[STAMP_BYTES], sig[LK_SIGN_BYTES];
    lk_text message = {0};
    LK_TRY(check_words("witness's name", name, 128, false, err));
    if (strpbrk(name, " +"))
        return LK_FAIL(err, LK_E_ARG,
                       "a witness's name has neither spaces nor +; write it like a web address");
    if (strlen(c->note) + 512 > sizeof c->note)
        return LK_FAIL(err, LK_E_RANGE, "this checkpoint has as many witnesses as it can hold");
    for (int i = 0; i < STAMP_BYTES; i++) stamp[i] = (uint8_t)((uint64_t)time >> (56 - 8 * i));
    lk_status s = witnessed(c, time, &message, err);
    if (s == LK_OK) s = lk_sign_make(sec, message.s, message.len, sig, err);
    lk_text_clear(&message);
    LK_TRY(s);
    if (c->old_size) add_proof(out, c->old_size, c->proof, c->proof_count);
    lk_text_add(out, "%s", c->note);
    add_signature(out, name, COSIGNATURE, pub, stamp, sig);
    return out->failed ? consent_no_memory(err) : LK_OK;
}

lk_status lk_checkpoint_cosigned(const lk_checkpoint *c, const uint8_t pub[LK_SIGN_PUBLIC], int64_t *time,
                                 lk_error *err)
{
    uint8_t blob[BLOB_MOST];
    lk_text message = {0};
    size_t n = find_signature(c->note, NULL, COSIGNATURE, pub, blob);
    if (n == 0) return LK_FAIL(err, LK_E_NOTFOUND, "this witness did not sign the checkpoint");
    uint64_t stamp = 0;
    for (int i = 0; i < STAMP_BYTES; i++) stamp = stamp << 8 | blob[KEY_ID_BYTES + i];
    if (n != KEY_ID_BYTES + STAMP_BYTES + LK_SIGN_BYTES || stamp > INT64_MAX)
        return LK_FAIL(err, LK_E_FORMAT, "the witness's signature is of the wrong size");
    *time = (int64_t)stamp;
    lk_status s = witnessed(c, *time, &message, err);
    if (s == LK_OK && !lk_sign_check(pub, message.s, message.len, blob + KEY_ID_BYTES + STAMP_BYTES))
        s = LK_FAIL(err, LK_E_FORMAT, "the witness's signature does not fit: the checkpoint was changed");
    lk_text_clear(&message);
    return s;
}
