/* bmff_move.c: what the new file with room for a store is made of: the old boxes without C2PA's, in their
 * order, with the room after ftyp and the tables of offsets corrected.
 *
 * Boxes with tables are loaded (a moov is a thousandth of its clip); all others are only copied. A last box
 * without a size gets one, because older readers do not count it as a box.
 */
#include "mark/asset/bmff.h"

#define TABLES_MAX ((uint64_t)256 << 20)

typedef struct moving {
    const bmff_box *box;
    bool gone;       /* C2PA's */
    uint8_t *table;  /* whole box in memory, NULL = only copied */
    uint64_t growth; /* of the table when wide */
} moving;

static bool has_tables(const bmff_box *b)
{
    return tag_is(b->type, "moov") || tag_is(b->type, "meta") || tag_is(b->type, "sidx");
}

static lk_status load(const asset_source *src, moving *m, lk_error *err)
{
    const bmff_box *b = m->box;
    if (b->size > TABLES_MAX)
        return LK_FAIL(err, LK_E_UNSUPPORTED, "%s has an index of more than 256 MB; split the file",
                       src->name);
    m->table = lk_alloc((size_t)b->size);
    if (!m->table) return asset_no_memory(err, src->name);
    LK_TRY(asset_source_read(src, b->start, m->table, (size_t)b->size, err));
    if (b->to_end) put_be32(m->table, (uint32_t)b->size);
    bmff_tables t = {.src = src};
    lk_status s = bmff_tables_move(&t, m->table, b->size, b->start, NULL, err);
    m->growth = t.growth;
    return s;
}

/* What becomes of each box. */
static lk_status sort_boxes(const asset_source *src, const bmff_box *boxes, int count, moving *m,
                            lk_error *err)
{
    for (int i = 0; i < count; i++) {
        const bmff_box *b = &boxes[i];
        m[i].box = b;
        if (tag_is(b->type, "moof") || tag_is(b->type, "mfra"))
            return LK_FAIL(err, LK_E_UNSUPPORTED,
                           "%s is in fragments, and a manifest cannot be put into such a file here; "
                           "write it in one piece (ffmpeg -i IN -c copy OUT.mp4)",
                           src->name);
        bmff_purpose what;
        uint64_t unused;
        LK_TRY(bmff_box_purpose(src, b, &what, &unused, err));
        m[i].gone = what != BMFF_OTHER;
        if (has_tables(b)) LK_TRY(load(src, &m[i], err));
    }
    return LK_OK;
}

/* A box without a size whose size needs 64 bits gets a header of 16 bytes. */
static bool header_grows(const moving *m) { return m->box->to_end && m->box->size > UINT32_MAX; }

/* Where everything goes; at has room for count + 1 entries. */
static void lay_out(const moving *m, int count, uint64_t room, bool wide, bmff_map *map)
{
    uint64_t now = 0;
    map->count = 0;
    for (int i = 0; i < count; i++) {
        const bmff_box *b = m[i].box;
        if (i == 1) now += room;
        if (m[i].gone) continue;
        if (header_grows(&m[i])) {
            map->at[map->count++] = (bmff_moved){b->start, 8, now};
            map->at[map->count++] = (bmff_moved){b->start + 8, b->size - 8, now + 16};
            now += b->size + 8;
        } else {
            map->at[map->count++] = (bmff_moved){b->start, b->size, now};
            now += b->size + (wide ? m[i].growth : 0);
        }
    }
}

/* Whether an offset outgrows its 32 bits when all goes where map says. */
static lk_status needs_wide(const asset_source *src, const moving *m, int count, const bmff_map *map,
                            bool *wide, lk_error *err)
{
    *wide = false;
    for (int i = 0; i < count; i++) {
        if (!m[i].table) continue;
        bmff_tables t = {.src = src, .map = map};
        LK_TRY(bmff_tables_move(&t, m[i].table, m[i].box->size, m[i].box->start, NULL, err));
        *wide |= t.overflow;
    }
    return LK_OK;
}

static lk_status emit(const asset_source *src, const moving *m, int count, const bmff_map *map, bool wide,
                      asset_plan *p, lk_error *err)
{
    for (int i = 0; i < count; i++) {
        const bmff_box *b = m[i].box;
        if (m[i].table) {
            const uint64_t n = b->size + (wide ? m[i].growth : 0);
            uint8_t *out = asset_plan_buffer(p, (size_t)n);
            bmff_tables t = {.src = src, .map = map, .wide = wide};
            if (out) LK_TRY(bmff_tables_move(&t, m[i].table, b->size, b->start, out, err));
        } else if (!m[i].gone && b->to_end) {
            uint8_t head[16];
            const bool grows = header_grows(&m[i]);
            put_be32(head, grows ? 1 : (uint32_t)b->size);
            memcpy(head + 4, b->type, 4);
            put_be64(head + 8, b->size + 8);
            asset_plan_bytes(p, head, grows ? 16 : 8);
            asset_plan_copy(p, b->start + 8, b->size - 8);
        } else if (!m[i].gone) {
            asset_plan_copy(p, b->start, b->size);
        }
        if (i == 0) asset_plan_room(p);
    }
    return LK_OK;
}

lk_status bmff_plan(const asset_source *src, const asset_scan *sc, asset_plan *p, lk_error *err)
{
    bmff_box *boxes = NULL;
    moving *m = NULL;
    bmff_map map = {.old_size = src->size};
    int count = 0;
    bool wide = false;
    lk_status s;
    LK_GOTO(done, bmff_boxes(src, &boxes, &count, err));
    m = lk_calloc((size_t)count, sizeof *m);
    map.at = lk_calloc((size_t)count + 1, sizeof *map.at); /* the last box may be in two parts */
    if (!m || !map.at) {
        s = asset_no_memory(err, src->name);
        goto done;
    }
    LK_GOTO(done, sort_boxes(src, boxes, count, m, err));

    const uint64_t room = asset_room(C2PA_BMFF, p->store_size);
    lay_out(m, count, room, false, &map);
    LK_GOTO(done, needs_wide(src, m, count, &map, &wide, err));
    if (wide) lay_out(m, count, room, true, &map);
    s = emit(src, m, count, &map, wide, p, err);
done:
    for (int i = 0; m && i < count; i++) lk_free(m[i].table);
    lk_free(m);
    lk_free(map.at);
    lk_free(boxes);
    return s;
}
