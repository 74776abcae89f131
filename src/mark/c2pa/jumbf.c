/* jumbf.c: the box format of manifest stores (ISO/IEC 19566-5).
 *
 * box      = length u32 | type 4 characters | payload               (all big-endian, length with its header)
 * superbox = 'jumb' box whose first child is its description 'jumd' = UUID 16 | toggles u8 | label, NUL |
 * [salt box]
 *
 * Much of a store is covered by no hash (headers of the boxes around the claim), so reading is exact: a
 * length is the length, toggles are the two values in use, nothing may stand between or behind boxes.
 */
#include <string.h>

#include "mark/c2pa/internal.h"

enum { HEADER = 8, UUID = 16, MAX_LABEL = 512 };

/* The rest of every UUID of C2PA and JUMBF that starts with four characters. */
static const uint8_t uuid_tail[12] = {0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71};
/* Embedded files (thumbnails, icons) alone have a UUID of another kind; they are named "file" here. */
static const uint8_t uuid_file[UUID] = {0x40, 0xCB, 0x0C, 0x32, 0xBB, 0x8A, 0x48, 0x9D,
                                        0xA7, 0x0B, 0x2A, 0xD6, 0xF4, 0x7F, 0x43, 0x69};

static void uuid_of(const char type[4], uint8_t uuid[UUID])
{
    if (!memcmp(type, "file", 4)) {
        memcpy(uuid, uuid_file, UUID);
        return;
    }
    memcpy(uuid, type, 4);
    memcpy(uuid + 4, uuid_tail, sizeof uuid_tail);
}

/* --- reading ------------------------------------------------------------------------------ */

typedef struct reader {
    const uint8_t *begin;
    lk_arena *arena;
    int boxes;
    lk_error *err;
} reader;

static lk_status fail(const reader *r, const uint8_t *at, const char *what)
{
    return LK_FAIL(r->err, LK_E_FORMAT, "the manifest store is damaged at byte %td: %s", at - r->begin, what);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Labels become parts of URIs: no control characters, none of the characters that separate there. */
static bool label_fits(const uint8_t *s, size_t n)
{
    if (n == 0 || n > MAX_LABEL) return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] <= ' ' || s[i] >= 0x7f || strchr("/;?#", s[i])) return false;
    return true;
}

static lk_status read_description(reader *r, const uint8_t *p, size_t left, jumbf_box *b, size_t *used)
{
    if (left < HEADER || be32(p + 4) != JUMBF_TYPE('j', 'u', 'm', 'd'))
        return fail(r, p, "a superbox without description");
    size_t size = be32(p);
    if (size < HEADER + UUID + 1 || size > left)
        return fail(r, p, "a description box of an impossible length");
    const uint8_t *end = p + size;
    b->uuid = p + HEADER;
    uint8_t toggles = b->uuid[UUID];
    if (toggles != 0x03 && toggles != 0x13) return fail(r, p, "a description box with unknown toggles");
    const uint8_t *label = b->uuid + UUID + 1, *nul = memchr(label, 0, (size_t)(end - label));
    if (!nul || !label_fits(label, (size_t)(nul - label)))
        return fail(r, p, "a box whose label cannot be part of an address");
    b->label = lk_arena_strdup(r->arena, (const char *)label);
    if (!b->label) return LK_FAIL(r->err, LK_E_NOMEM, "no memory for a manifest store");
    const uint8_t *salt = nul + 1;
    b->salted = toggles == 0x13;
    if (b->salted) {
        size_t n = (size_t)(end - salt);
        if (n < HEADER || be32(salt) != n || be32(salt + 4) != JUMBF_TYPE('c', '2', 's', 'h') ||
            (n != HEADER + 16 && n != HEADER + 32))
            return fail(r, salt, "a salt box that is none");
    } else if (salt != end) {
        return fail(r, salt, "bytes behind a label");
    }
    *used = size;
    return LK_OK;
}

static lk_status read_box(reader *r, const uint8_t *p, size_t left, int depth, jumbf_box **out)
{
    if (++r->boxes > JUMBF_MAX_BOXES) return fail(r, p, "more than 4096 boxes");
    if (depth > JUMBF_MAX_DEPTH) return fail(r, p, "boxes nested deeper than 16");
    if (left < HEADER) return fail(r, p, "it ends within a box header");
    size_t size = be32(p);
    if (size < HEADER || size > left) return fail(r, p, "a box of an impossible length");
    jumbf_box *b = lk_arena_alloc(r->arena, sizeof *b);
    if (!b) return LK_FAIL(r->err, LK_E_NOMEM, "no memory for a manifest store");
    *b = (jumbf_box){.type = be32(p + 4), .start = p, .size = size, .data = p + HEADER, .n = size - HEADER};
    *out = b;
    if (b->type != JUMBF_JUMB) return LK_OK;

    size_t at = 0;
    LK_TRY(read_description(r, b->data, b->n, b, &at));
    for (jumbf_box **link = &b->child; at < b->n; link = &(*link)->next) {
        LK_TRY(read_box(r, b->data + at, b->n - at, depth + 1, link));
        at += (*link)->size;
        b->children++;
    }
    return LK_OK;
}

lk_status jumbf_parse(const void *data, size_t n, lk_arena *arena, jumbf_box **out, lk_error *err)
{
    reader r = {.begin = data, .arena = arena, .err = err};
    jumbf_box *b = NULL;
    *out = NULL;
    if (n > C2PA_STORE_MAX) return fail(&r, data, "larger than 32 MiB");
    LK_TRY(read_box(&r, data, n, 1, &b));
    if (b->type != JUMBF_JUMB) return fail(&r, b->start, "it does not begin with a superbox");
    if (b->size != n) return fail(&r, b->start + b->size, "bytes behind its end");
    *out = b;
    return LK_OK;
}

bool jumbf_is(const jumbf_box *b, const char type[4])
{
    uint8_t uuid[UUID];
    uuid_of(type, uuid);
    return b->type == JUMBF_JUMB && !memcmp(b->uuid, uuid, UUID);
}

const jumbf_box *jumbf_only(const jumbf_box *b, uint32_t type)
{
    return b->children == 1 && b->child->type == type ? b->child : NULL;
}

/* --- writing ------------------------------------------------------------------------------ */

size_t jumbf_open(lk_bytes *o, const char type[4], const char *label)
{
    size_t at = o->len, n = strlen(label) + 1;
    uint8_t uuid[UUID];
    uuid_of(type, uuid);
    lk_bytes_be(o, 0, 4); /* jumbf_close fills it in */
    lk_bytes_add(o, "jumb", 4);
    lk_bytes_be(o, HEADER + UUID + 1 + n, 4);
    lk_bytes_add(o, "jumd", 4);
    lk_bytes_add(o, uuid, UUID);
    lk_bytes_u8(o, 0x03); /* may be asked for, has a label */
    lk_bytes_add(o, label, n);
    return at;
}

void jumbf_close(lk_bytes *o, size_t at)
{
    if (o->failed) return;
    size_t size = o->len - at;
    if (size > C2PA_STORE_MAX) {
        o->failed = true;
        return;
    }
    for (int i = 0; i < 4; i++) o->b[at + (size_t)i] = (uint8_t)(size >> (24 - 8 * i));
}

void jumbf_content(lk_bytes *o, const char type[4], const void *data, size_t n)
{
    if (n > C2PA_STORE_MAX) {
        o->failed = true;
        return;
    }
    lk_bytes_be(o, HEADER + n, 4);
    lk_bytes_add(o, type, 4);
    lk_bytes_add(o, data, n);
}
