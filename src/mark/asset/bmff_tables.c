/* bmff_tables.c: the tables of ISO media files that hold absolute file offsets, corrected after bytes were
 * put in or taken out: stco, co64 (samples), saio (auxiliary data of samples), iloc (items), sidx (its anchor
 * and spans).
 *
 * A moov box is walked in memory and written again box by box. Only stco can change size, when offsets no
 * longer fit into 32 bits; then the sizes of the boxes around it are corrected too.
 */
#include "mark/asset/bmff.h"

uint64_t bmff_map_to(const bmff_map *m, uint64_t old)
{
    int lo = 0, hi = m->count; /* pieces below lo start at or before old */
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (m->at[mid].old <= old) lo = mid + 1;
        else hi = mid;
    }
    if (lo > 0 && old - m->at[lo - 1].old < m->at[lo - 1].size)
        return m->at[lo - 1].now + (old - m->at[lo - 1].old);
    if (lo < m->count) return m->at[lo].now; /* in a piece that went: to what now follows */
    if (lo > 0 && old <= m->old_size) return m->at[lo - 1].now + m->at[lo - 1].size; /* ... to the end */
    return old; /* outside the file: nothing that we could correct */
}

typedef struct writer {
    uint8_t *b; /* NULL: only counted */
    uint64_t n;
} writer;

static uint8_t *put(writer *o, const uint8_t *b, uint64_t n)
{
    uint8_t *at = o->b ? o->b + o->n : NULL;
    if (at && n) memcpy(at, b, n);
    o->n += n;
    return at;
}

static lk_status too_far(const bmff_tables *t, lk_error *err)
{
    return LK_FAIL(
        err, LK_E_UNSUPPORTED,
        "%s has a table of places in the file that has no room for larger numbers; write the file anew with "
        "another program",
        t->src->name);
}

static lk_status cut(const bmff_tables *t, const uint8_t *type, lk_error *err)
{
    bool plain = true;
    for (int i = 0; i < 4; i++) plain &= type[i] >= ' ' && type[i] < 127;
    return DAMAGED(err, t->src, "a table \"%.4s\" of it is cut", plain ? (const char *)type : "????");
}

/* A number of 4 or 8 bytes at `at` of a box, corrected at the same place of w (may be NULL). */
static uint64_t get(const uint8_t *p, unsigned bytes)
{
    return bytes == 8 ? be64(p) : bytes == 4 ? be32(p) : 0;
}
static bool set(uint8_t *w, unsigned bytes, uint64_t v)
{
    if (bytes == 4 && v > UINT32_MAX) return false;
    if (w && bytes == 4) put_be32(w, (uint32_t)v);
    if (w && bytes == 8) put_be64(w, v);
    return true;
}

/* stco and co64: version and flags, count, offsets. */
static lk_status move_chunks(bmff_tables *t, writer *o, const uint8_t *b, uint64_t n, unsigned head,
                             unsigned bytes, lk_error *err)
{
    if (n < head + 8u) return cut(t, b + 4, err);
    const uint64_t count = be32(b + head + 4), used = head + 8 + count * bytes;
    const uint8_t *p = b + head + 8;
    if (used > n) return cut(t, b + 4, err);
    if (bytes == 4 && t->wide) {
        uint8_t *w = put(o, b, head + 8);
        if (w) {
            memcpy(w + 4, "co64", 4);
            if (head == 8) put_be32(w, (uint32_t)(n + 4 * count));
            else put_be64(w + 8, n + 4 * count);
        }
        for (uint64_t i = 0; i < count; i++) {
            uint8_t wide[8];
            put_be64(wide, t->map ? bmff_map_to(t->map, be32(p + 4 * i)) : be32(p + 4 * i));
            put(o, wide, 8);
        }
        put(o, b + used, n - used);
        return LK_OK;
    }
    uint8_t *w = put(o, b, n);
    if (bytes == 4) t->growth += 4 * count;
    for (uint64_t i = 0; i < count && t->map; i++)
        if (!set(w ? w + (p - b) + bytes * i : NULL, bytes, bmff_map_to(t->map, get(p + bytes * i, bytes))))
            t->overflow = true;
    return LK_OK;
}

static lk_status move_saio(bmff_tables *t, writer *o, const uint8_t *b, uint64_t n, unsigned head,
                           lk_error *err)
{
    if (n < head + 8u) return cut(t, b + 4, err);
    const unsigned bytes = b[head] == 0 ? 4 : 8;
    uint64_t at = head + 4 + (b[head + 3] & 1 ? 8 : 0);
    if (at + 4 > n || be32(b + at) * (uint64_t)bytes > n - at - 4) return cut(t, b + 4, err);
    const uint64_t count = be32(b + at);
    uint8_t *w = put(o, b, n);
    at += 4;
    for (uint64_t i = 0; i < count && t->map; i++, at += bytes)
        if (!set(w ? w + at : NULL, bytes, bmff_map_to(t->map, get(b + at, bytes)))) return too_far(t, err);
    return LK_OK;
}

/* One item of iloc whose extents (each `each` bytes, offset at `skip` in it) start at b + at. Its place in
 * the file is the base plus the extent's own offset; the base is corrected when it is in use and all extents
 * moved alike. */
static lk_status move_item(bmff_tables *t, const uint8_t *b, uint8_t *w, uint64_t base_at,
                           unsigned base_bytes, uint64_t at, unsigned extents, unsigned each, unsigned skip,
                           unsigned off_bytes, lk_error *err)
{
    const uint64_t base = get(b + base_at, base_bytes);
    uint64_t shift = 0; /* modulo 2^64 */
    bool alike = true;
    for (unsigned e = 0; e < extents; e++) {
        uint64_t old = base + get(b + at + e * each + skip, off_bytes), by = bmff_map_to(t->map, old) - old;
        if (e == 0) shift = by;
        alike &= by == shift;
    }
    if (alike && base_bytes && (base || !off_bytes)) {
        if (!set(w ? w + base_at : NULL, base_bytes, base + shift)) return too_far(t, err);
        return LK_OK;
    }
    if (!off_bytes) return alike && shift == 0 ? LK_OK : too_far(t, err);
    for (unsigned e = 0; e < extents; e++, at += each) {
        uint64_t old = base + get(b + at + skip, off_bytes), now = bmff_map_to(t->map, old);
        if (now < base || !set(w ? w + at + skip : NULL, off_bytes, now - base)) return too_far(t, err);
    }
    return LK_OK;
}

static bool is_width(unsigned v) { return v == 0 || v == 4 || v == 8; }

static lk_status move_iloc(bmff_tables *t, writer *o, const uint8_t *b, uint64_t n, unsigned head,
                           lk_error *err)
{
    if (n < head + 8u) return cut(t, b + 4, err);
    const unsigned version = b[head], off = b[head + 4] >> 4, len = b[head + 4] & 15, base = b[head + 5] >> 4,
                   index = version ? b[head + 5] & 15 : 0;
    if (version > 2 || !is_width(off) || !is_width(len) || !is_width(base) || !is_width(index))
        return DAMAGED(err, t->src, "its table of items is of an unknown kind");
    const unsigned number = version < 2 ? 2 : 4, each = index + off + len;
    uint64_t at = head + 6 + number;
    if (at > n) return cut(t, b + 4, err);
    const uint64_t items = number == 2 ? be16(b + head + 6) : be32(b + head + 6);
    uint8_t *w = put(o, b, n);
    for (uint64_t i = 0; i < items; i++) {
        const unsigned fixed = number + (version ? 2 : 0) + 2 + base + 2;
        if (n - at < fixed) return cut(t, b + 4, err);
        const unsigned method = version ? b[at + number + 1] & 15 : 0;
        const uint64_t reference_at = at + number + (version ? 2 : 0), base_at = reference_at + 2;
        const unsigned extents = be16(b + base_at + base);
        at += fixed;
        if ((uint64_t)extents * each > n - at) return cut(t, b + 4, err);
        if (method == 0 && be16(b + reference_at) != 0)
            return LK_FAIL(err, LK_E_UNSUPPORTED, "%s keeps its pictures in other files; write it into one",
                           t->src->name);
        if (method == 0 && extents && t->map)
            LK_TRY(move_item(t, b, w, base_at, base, at, extents, each, index, off, err));
        at += (uint64_t)extents * each;
    }
    return LK_OK;
}

/* sidx counts from its own end: what moved more or less than that changes its numbers. */
static lk_status move_sidx(bmff_tables *t, writer *o, const uint8_t *b, uint64_t n, unsigned head,
                           uint64_t old_start, lk_error *err)
{
    if (n < head + 4u) return cut(t, b + 4, err);
    const unsigned bytes = b[head] == 0 ? 4 : 8;
    const uint64_t first_at = head + 12 + bytes;
    uint64_t at = first_at + bytes + 4;
    if (at > n || be16(b + at - 2) * (uint64_t)12 > n - at) return cut(t, b + 4, err);
    const unsigned count = be16(b + at - 2);
    uint8_t *w = put(o, b, n);
    if (!t->map) return LK_OK;
    uint64_t old = old_start + n, now = bmff_map_to(t->map, old_start) + n;
    const uint64_t first = get(b + first_at, bytes);
    if (first > t->src->size || old + first > t->src->size)
        return DAMAGED(err, t->src, "its index points outside the file");
    old += first;
    if (bmff_map_to(t->map, old) < now ||
        !set(w ? w + first_at : NULL, bytes, bmff_map_to(t->map, old) - now))
        return too_far(t, err);
    for (unsigned i = 0; i < count; i++, at += 12) {
        const uint32_t word = be32(b + at);
        const uint64_t next = old + (word & 0x7fffffff);
        if (next > t->src->size) return DAMAGED(err, t->src, "its index points outside the file");
        const uint64_t span = bmff_map_to(t->map, next) - bmff_map_to(t->map, old);
        if (span > 0x7fffffff) return too_far(t, err);
        if (w) put_be32(w + at, (word & 0x80000000u) | (uint32_t)span);
        old = next;
    }
    return LK_OK;
}

/* dref: where the samples are. Offsets into other files must not be corrected. */
static lk_status check_dref(const bmff_tables *t, const uint8_t *b, uint64_t n, unsigned head, lk_error *err)
{
    if (n < head + 8u) return cut(t, b + 4, err);
    uint64_t at = head + 8;
    for (uint32_t i = 0; i < be32(b + head + 4); i++) {
        if (n - at < 12 || be32(b + at) < 12 || be32(b + at) > n - at) return cut(t, b + 4, err);
        if (!(b[at + 11] & 1))
            return LK_FAIL(err, LK_E_UNSUPPORTED,
                           "%s keeps its pictures or sound in other files; write it into one", t->src->name);
        at += be32(b + at);
    }
    return LK_OK;
}

static lk_status move_box(bmff_tables *t, writer *o, const uint8_t *b, uint64_t n, unsigned head,
                          uint64_t old_start, int depth, lk_error *err);

static lk_status move_children(bmff_tables *t, writer *o, const uint8_t *b, uint64_t n, int depth,
                               lk_error *err)
{
    if (depth > BMFF_DEPTH_MAX) return DAMAGED(err, t->src, "its boxes are nested too deeply");
    for (uint64_t at = 0; at < n;) {
        const uint64_t left = n - at;
        if (left < 8 || be64(b + at) == 0) { /* QuickTime ends some lists with zeros */
            put(o, b + at, left);
            break;
        }
        uint64_t size = be32(b + at);
        unsigned head = 8;
        if (size == 1 && left >= 16) size = be64(b + at + 8), head = 16;
        if (size < head || size > left) return cut(t, b + at + 4, err);
        LK_TRY(move_box(t, o, b + at, size, head, 0, depth, err));
        at += size;
    }
    return LK_OK;
}

static lk_status move_box(bmff_tables *t, writer *o, const uint8_t *b, uint64_t n, unsigned head,
                          uint64_t old_start, int depth, lk_error *err)
{
    const uint8_t *type = b + 4;
    if (tag_is(type, "stco")) return move_chunks(t, o, b, n, head, 4, err);
    if (tag_is(type, "co64")) return move_chunks(t, o, b, n, head, 8, err);
    if (tag_is(type, "saio")) return move_saio(t, o, b, n, head, err);
    if (tag_is(type, "iloc")) return move_iloc(t, o, b, n, head, err);
    if (tag_is(type, "sidx")) return move_sidx(t, o, b, n, head, old_start, err);
    if (tag_is(type, "dref")) LK_TRY(check_dref(t, b, n, head, err));
    if (tag_is(type, "cmov"))
        return LK_FAIL(err, LK_E_UNSUPPORTED,
                       "%s has a compressed index; write the file anew with another program", t->src->name);
    if (!bmff_type_in(type, "moovtrakmdiaminfstbldinfmeta")) {
        put(o, b, n);
        return LK_OK;
    }
    unsigned inside = head;
    /* QuickTime's meta starts with its first box, which is hdlr; ISO's with version and flags. */
    if (tag_is(type, "meta") && n >= head + 4u && !(n >= head + 8u && tag_is(b + head + 4, "hdlr")))
        inside += 4;
    const uint64_t start = o->n;
    uint8_t *w = put(o, b, inside);
    LK_TRY(move_children(t, o, b + inside, n - inside, depth + 1, err));
    if (w && head == 8) put_be32(w, (uint32_t)(o->n - start));
    if (w && head == 16) put_be64(w + 8, o->n - start);
    return LK_OK;
}

lk_status bmff_tables_move(bmff_tables *t, const uint8_t *b, uint64_t n, uint64_t old_start, uint8_t *out,
                           lk_error *err)
{
    writer o = {.b = out};
    return move_box(t, &o, b, n, be32(b) == 1 ? 16 : 8, old_start, 0, err);
}
