/* bmff.c: manifest stores in ISO base media files (MP4, MOV, M4A, HEIF, AVIF): a top-level uuid box, which we
 * put right after ftyp.
 *
 *     size u32 | "uuid" | C2PA's UUID | version, flags: 0 | "manifest\0" | place of the first Merkle box u64
 * | store
 *
 * The header of that box is in no hash, so every byte of it must be just so.
 */
#include "mark/asset/bmff.h"

enum { HEADER = 8 + 16 + 4 + 9 + 8 };

const uint8_t bmff_c2pa_uuid[16] = {0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c,
                                    0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81};

static bool bmff_is(const uint8_t *head, size_t n) { return n >= 12 && tag_is(head + 4, "ftyp"); }

lk_status bmff_box_at(const asset_source *src, uint64_t at, uint64_t end, bool top, bmff_box *out,
                      lk_error *err)
{
    uint8_t h[16];
    uint64_t left = end - at;
    *out = (bmff_box){.start = at, .head = 8};
    if (left < 8)
        return DAMAGED(err, src, "%llu bytes at byte %llu are no box", (unsigned long long)left,
                       (unsigned long long)at);
    LK_TRY(asset_source_read(src, at, h, 8, err));
    memcpy(out->type, h + 4, 4);
    out->size = be32(h);
    if (out->size == 1) {
        if (left < 16) return DAMAGED(err, src, "the box at byte %llu is cut", (unsigned long long)at);
        LK_TRY(asset_source_read(src, at + 8, h + 8, 8, err));
        out->size = be64(h + 8);
        out->head = 16;
    } else if (out->size == 0 && top) {
        out->size = left;
        out->to_end = true;
    }
    if (out->size < out->head || out->size > left)
        return DAMAGED(err, src, "the box at byte %llu claims %llu bytes where %llu are",
                       (unsigned long long)at, (unsigned long long)out->size, (unsigned long long)left);
    return LK_OK;
}

lk_status bmff_boxes(const asset_source *src, bmff_box **boxes, int *count, lk_error *err)
{
    int cap = 0;
    *boxes = NULL;
    *count = 0;
    for (uint64_t at = 0; at < src->size; at += (*boxes)[(*count)++].size) {
        if (*count == BMFF_BOXES_MAX) return DAMAGED(err, src, "it has more than %d boxes", BMFF_BOXES_MAX);
        if (*count == cap) {
            int more = cap ? 2 * cap : 32;
            bmff_box *grown = lk_realloc(*boxes, (size_t)cap * sizeof *grown, (size_t)more * sizeof *grown);
            if (!grown) return asset_no_memory(err, src->name);
            *boxes = grown;
            cap = more;
        }
        LK_TRY(bmff_box_at(src, at, src->size, true, &(*boxes)[*count], err));
    }
    return LK_OK;
}

lk_status bmff_box_purpose(const asset_source *src, const bmff_box *b, bmff_purpose *out, uint64_t *store_at,
                           lk_error *err)
{
    static const char *const stores[] = {"manifest", "original", "update"};
    uint8_t h[8 + 16 + 4 + 16] = {0};
    *out = BMFF_OTHER;
    if (!tag_is(b->type, "uuid")) return LK_OK;
    if (b->size < b->head + 16u)
        return DAMAGED(err, src, "the uuid box at byte %llu is too short", (unsigned long long)b->start);
    LK_TRY(asset_source_read(src, b->start + b->head, h + 8, 16, err));
    if (memcmp(h + 8, bmff_c2pa_uuid, 16)) return LK_OK;
    size_t n = (size_t)LK_MIN(b->size, sizeof h);
    if (b->head != 8 || b->to_end || n < 8 + 16 + 4 + 2) goto misshapen;
    LK_TRY(asset_source_read(src, b->start, h, n, err));
    const char *purpose = (const char *)h + 28;
    size_t len = strnlen(purpose, n - 28);
    if (be32(h + 24) != 0 || len == n - 28) goto misshapen;
    if (!strcmp(purpose, "merkle")) {
        *out = BMFF_MERKLE;
        return LK_OK;
    }
    for (size_t i = 0; i < LK_COUNT(stores); i++) {
        if (strcmp(purpose, stores[i])) continue;
        if (b->size < 28 + len + 1 + 8) goto misshapen;
        *out = BMFF_STORE;
        *store_at = b->start + 28 + len + 1 + 8;
        return LK_OK;
    }
misshapen:
    return DAMAGED(err, src, "its manifest box at byte %llu has a wrong header",
                   (unsigned long long)b->start);
}

/* The first Merkle box's place is no part of any hash: it must be 0 unless there is such a box, and then be
 * right. */
static lk_status check_merkle_place(const asset_source *src, const bmff_box *boxes, int count,
                                    uint64_t store_at, lk_error *err)
{
    uint8_t place[8];
    uint64_t first = 0;
    LK_TRY(asset_source_read(src, store_at - 8, place, 8, err));
    if (be64(place) == 0) return LK_OK;
    for (int i = 0; i < count && !first; i++) {
        bmff_purpose what;
        uint64_t unused;
        LK_TRY(bmff_box_purpose(src, &boxes[i], &what, &unused, err));
        if (what == BMFF_MERKLE) first = boxes[i].start;
    }
    if (be64(place) == first) return LK_OK;
    return DAMAGED(err, src, "its manifest box points to a box that is not there");
}

/* The kind of file by its major brand, or, where that says only "pictures", by the first other one that says
 * more. What is nothing else is taken for a clip. */
static void mime_of(const uint8_t *brands, size_t n, char mime[24])
{
    static const struct {
        const char *brand, *mime;
    } kinds[] = {{"qt  ", "video/quicktime"}, {"M4A ", "audio/mp4"},  {"M4B ", "audio/mp4"},
                 {"M4P ", "audio/mp4"},       {"avif", "image/avif"}, {"avis", "image/avif"},
                 {"heic", "image/heic"},      {"heix", "image/heic"}};
    bool pictures = tag_is(brands, "mif1") || tag_is(brands, "msf1");
    const char *found = pictures ? "image/heif" : "video/mp4";
    for (size_t b = pictures ? 8 : 0; b + 4 <= (pictures ? n : 4); b += 4)
        for (size_t i = 0; i < LK_COUNT(kinds); i++)
            if (tag_is(brands + b, kinds[i].brand)) {
                found = kinds[i].mime;
                b = n;
                break;
            }
    memcpy(mime, found, strlen(found) + 1);
}

static lk_status scan_boxes(const asset_source *src, const bmff_box *boxes, int count, asset_scan *sc,
                            lk_error *err)
{
    uint8_t brands[256];
    const bmff_box *ftyp = &boxes[0];
    if (!tag_is(ftyp->type, "ftyp") || ftyp->size < ftyp->head + 8u || ftyp->to_end)
        return DAMAGED(err, src, "its ftyp box has a wrong size");
    size_t n = (size_t)LK_MIN(ftyp->size - ftyp->head, sizeof brands);
    LK_TRY(asset_source_read(src, ftyp->head, brands, n, err));
    mime_of(brands, n, sc->l.mime);
    sc->room_at = ftyp->size;

    for (int i = 1; i < count; i++) {
        bmff_purpose what;
        uint64_t store_at = 0;
        LK_TRY(bmff_box_purpose(src, &boxes[i], &what, &store_at, err));
        if (what != BMFF_STORE) continue;
        c2pa_range hole = {boxes[i].start, boxes[i].size};
        LK_TRY(asset_scan_add(sc, src, hole, boxes[i].start + boxes[i].size - store_at, err));
        if (sc->l.stores == 1) LK_TRY(check_merkle_place(src, boxes, count, store_at, err));
    }
    return LK_OK;
}

static lk_status bmff_scan(const asset_source *src, asset_scan *sc, lk_error *err)
{
    bmff_box *boxes;
    int count;
    lk_status s = bmff_boxes(src, &boxes, &count, err);
    if (s == LK_OK) s = scan_boxes(src, boxes, count, sc, err);
    lk_free(boxes);
    return s;
}

static lk_status bmff_read(const asset_source *src, const c2pa_layout *l, uint8_t *store, lk_error *err)
{
    if (l->hole.length < l->store_size)
        return LK_FAIL(err, LK_E_ARG, "%s is not the file that was looked at; look at it again", src->name);
    return asset_source_read(src, l->hole.start + l->hole.length - l->store_size, store,
                             (size_t)l->store_size, err);
}

static lk_status bmff_wrap(asset_sink *k, const c2pa_layout *l, const uint8_t *store, lk_error *err)
{
    const size_t n = (size_t)l->store_size;
    uint8_t head[HEADER] = {0, 0, 0, 0, 'u', 'u', 'i', 'd'};
    put_be32(head, (uint32_t)(HEADER + n));
    memcpy(head + 8, bmff_c2pa_uuid, 16);
    memcpy(head + 28, "manifest", 9);
    LK_TRY(asset_sink_put(k, head, HEADER, err));
    return store ? asset_sink_put(k, store, n, err) : asset_sink_zeros(k, n, err);
}

const asset_format asset_bmff = {bmff_is, bmff_scan, bmff_read, bmff_plan, bmff_wrap};
