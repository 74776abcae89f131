/* jpeg.c: manifest stores in JPEG: APP11 segments by ISO/IEC 19566-5 (JUMBF) and 18477-3 (JPEG XT boxes).
 *
 *     FF EB | length u16 | "JP" | En u16 (box instance) | Z u32 = 1, 2, 3... | LBox TBox | part of the box
 *
 * LBox and TBox, the first eight bytes of the box, come again in every segment. All segments up to the end
 * marker are looked at, those between the scans of a progressive picture too: a second store anywhere must be
 * seen. Segments of one store must follow each other without a gap, be numbered from 1 and agree in En, LBox
 * and TBox. Other APP11 segments (JPEG XT, other JUMBF) are none of ours and stay.
 */
#include "mark/asset/impl.h"

enum {
    CHUNK = 64000, /* of the store in a segment; old readers take no more */
    HEAD = 12,     /* marker, length, "JP", En, Z */
    WINDOW = 1 << 16
};

static bool jpeg_is(const uint8_t *head, size_t n)
{
    return n >= 3 && head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff;
}

/* Walks forward through the file in blocks. */
typedef struct jpeg_walk {
    const asset_source *src;
    uint8_t *window;
    uint64_t start; /* of the window in the file */
    size_t have;
} jpeg_walk;

/* Makes at least n bytes (n <= WINDOW) from off on readable at *p; fewer at the end of the file: *got says.
 */
static lk_status look(jpeg_walk *w, uint64_t off, size_t n, const uint8_t **p, size_t *got, lk_error *err)
{
    if (off < w->start || off + n > w->start + w->have) {
        w->start = off;
        w->have = off < w->src->size ? (size_t)LK_MIN(w->src->size - off, (uint64_t)WINDOW) : 0;
        LK_TRY(asset_source_read(w->src, off, w->window, w->have, err));
    }
    *p = w->window + (off - w->start);
    *got = w->have - (size_t)(off - w->start);
    return LK_OK;
}

/* From inside entropy-coded data to the FF of the next marker. */
static lk_status skip_coded(jpeg_walk *w, uint64_t *at, lk_error *err)
{
    for (;;) {
        const uint8_t *p;
        size_t got;
        LK_TRY(look(w, *at, 2, &p, &got, err));
        if (got < 2) return DAMAGED(err, w->src, "the picture has no end marker");
        const uint8_t *ff = memchr(p, 0xff, got - 1);
        if (!ff) {
            *at += got - 1;
            continue;
        }
        *at += (uint64_t)(ff - p);
        uint8_t code = ff[1];
        if (code != 0 && !(code >= 0xd0 && code <= 0xd7) && code != 0xff) return LK_OK;
        *at += code == 0xff ? 1 : 2;
    }
}

/* The store that is being put together from segments. */
typedef struct jpeg_store {
    bool open;
    uint8_t same[12]; /* "JP", En; LBox and TBox at 4 */
    uint32_t next_z;
    uint64_t start, end, size, left;
} jpeg_store;

/* The segment at `at` of size bytes (marker included) belongs to a manifest store, starts one, or does
 * neither. */
static lk_status take_segment(const asset_source *src, asset_scan *sc, jpeg_store *st, uint64_t at,
                              const uint8_t *seg, size_t size, lk_error *err)
{
    bool box = seg[1] == 0xeb && size >= HEAD + 8 && seg[4] == 'J' && seg[5] == 'P';
    uint32_t z = box ? be32(seg + 8) : 0;
    bool same = box && !memcmp(seg + 4, st->same, 4) && !memcmp(seg + HEAD, st->same + 4, 8);
    if (st->open) {
        size_t chunk = size - HEAD - 8;
        if (!same || z != st->next_z || at != st->end)
            return DAMAGED(err, src, "its manifest store breaks off after segment %u", st->next_z - 1);
        if (chunk == 0 || chunk > st->left)
            return DAMAGED(err, src, "segment %u of its manifest store has a wrong size", z);
        st->left -= chunk, st->end = at + size, st->next_z++;
    } else if (box && size >= HEAD + 20 && tag_is(seg + HEAD + 4, "jumb") &&
               tag_is(seg + HEAD + 12, "jumd") && tag_is(seg + HEAD + 16, "c2pa")) {
        if (z != 1) return DAMAGED(err, src, "its manifest store starts with segment %u", z);
        *st =
            (jpeg_store){.open = true, .next_z = 2, .start = at, .end = at + size, .size = be32(seg + HEAD)};
        memcpy(st->same, seg + 4, 4);
        memcpy(st->same + 4, seg + HEAD, 8);
        size_t chunk = size - HEAD;
        if (st->size < ASSET_STORE_MIN || st->size > C2PA_STORE_MAX || chunk > st->size)
            return DAMAGED(err, src, "its manifest store has a wrong size");
        st->left = st->size - chunk;
    } else {
        if (same && z > 1) return DAMAGED(err, src, "its manifest store has more segments than bytes");
        const uint32_t i = box ? be16(seg + 6) - JPEG_INSTANCE : UINT32_MAX;
        if (i < 256) sc->instances[i / 64] |= (uint64_t)1 << i % 64;
        return LK_OK;
    }
    if (st->left == 0) {
        st->open = false;
        if (sc->l.stores == 0) sc->l.instance = (uint16_t)be16(st->same + 2);
        LK_TRY(asset_scan_add(sc, src, (c2pa_range){st->start, st->end - st->start}, st->size, err));
    }
    return LK_OK;
}

static lk_status scan_segments(jpeg_walk *w, asset_scan *sc, lk_error *err)
{
    const asset_source *src = w->src;
    jpeg_store st = {0};
    sc->room_at = 2;
    for (uint64_t at = 2;;) {
        const uint8_t *p;
        size_t got;
        LK_TRY(look(w, at, 4, &p, &got, err));
        if (got < 2) return DAMAGED(err, src, "it ends without an end marker");
        if (p[0] != 0xff) return DAMAGED(err, src, "there is no marker at byte %llu", (unsigned long long)at);
        uint8_t code = p[1];
        if (code == 0xff) { /* fill byte */
            at++;
            continue;
        }
        if (code == 0xd9) break;
        if (code == 0x01 || (code >= 0xd0 && code <= 0xd7)) { /* markers without a segment */
            at += 2;
            continue;
        }
        if (code == 0 || code == 0xd8)
            return DAMAGED(err, src, "a marker at byte %llu cannot be there", (unsigned long long)at);
        size_t size = got >= 4 ? 2 + be16(p + 2) : 0;
        if (size < 4 || size > src->size - at)
            return DAMAGED(err, src, "a segment at byte %llu has a wrong size", (unsigned long long)at);
        /* Only of APP11 more than the marker is wanted. */
        size_t want = code == 0xeb ? LK_MIN(size, (size_t)(HEAD + 20)) : 4;
        if (code == 0xe0 && at == 2) want = LK_MIN(size, (size_t)9);
        LK_TRY(look(w, at, want, &p, &got, err));
        if (want == 9 && !memcmp(p + 4, "JFIF", 5)) sc->room_at = at + size;
        LK_TRY(take_segment(src, sc, &st, at, p, size, err));
        at += size;
        if (code == 0xda) LK_TRY(skip_coded(w, &at, err));
    }
    if (st.open) return DAMAGED(err, src, "its manifest store breaks off after segment %u", st.next_z - 1);
    return LK_OK;
}

static lk_status jpeg_scan(const asset_source *src, asset_scan *sc, lk_error *err)
{
    memcpy(sc->l.mime, "image/jpeg", 11);
    jpeg_walk w = {.src = src, .window = lk_alloc((size_t)LK_MIN(src->size, (uint64_t)WINDOW))};
    if (!w.window) return asset_no_memory(err, src->name);
    lk_status s = scan_segments(&w, sc, err);
    lk_free(w.window);
    return s;
}

static lk_status jpeg_read(const asset_source *src, const c2pa_layout *l, uint8_t *store, lk_error *err)
{
    uint64_t at = l->hole.start, end = l->hole.start + l->hole.length, done = 0;
    while (at < end) {
        uint8_t head[HEAD];
        LK_TRY(asset_source_read(src, at, head, HEAD, err));
        size_t skip = done ? HEAD + 8 : HEAD, size = 2 + be16(head + 2);
        if (size <= skip || size > end - at || size - skip > l->store_size - done)
            return LK_FAIL(err, LK_E_IO, "%s was changed while it was read; wait until it is complete",
                           src->name);
        LK_TRY(asset_source_read(src, at + skip, store + done, size - skip, err));
        done += size - skip, at += size;
    }
    if (done != l->store_size)
        return LK_FAIL(err, LK_E_IO, "%s was changed while it was read; wait until it is complete",
                       src->name);
    return LK_OK;
}

/* A number that no box has which stays: parts of another, even stray ones, must not look like parts of ours.
 */
static lk_status free_instance(const asset_source *src, const asset_scan *sc, uint16_t *out, lk_error *err)
{
    for (unsigned i = 0; i < 256; i++) {
        *out = (uint16_t)(JPEG_INSTANCE + i);
        if (!(sc->instances[i / 64] >> i % 64 & 1)) return LK_OK;
    }
    return DAMAGED(err, src, "hundreds of boxes in it have numbers of their own");
}

static lk_status jpeg_plan(const asset_source *src, const asset_scan *sc, asset_plan *p, lk_error *err)
{
    LK_TRY(free_instance(src, sc, &p->instance, err));
    asset_plan_kept(p, sc, 0, sc->room_at);
    asset_plan_room(p);
    asset_plan_kept(p, sc, sc->room_at, src->size);
    return LK_OK;
}

static lk_status jpeg_wrap(asset_sink *k, const c2pa_layout *l, const uint8_t *store, lk_error *err)
{
    const size_t n = (size_t)l->store_size;
    size_t done = 0;
    for (uint32_t z = 1; done < n; z++) {
        size_t chunk = LK_MIN(n - done, (size_t)CHUNK), again = z > 1 ? 8 : 0;
        uint8_t head[HEAD + 8] = {0xff, 0xeb, 0, 0, 'J', 'P'};
        put_be16(head + 2, (uint32_t)(HEAD - 2 + again + chunk));
        put_be16(head + 6, l->instance);
        put_be32(head + 8, z);
        if (store) memcpy(head + HEAD, store, 8);
        LK_TRY(asset_sink_put(k, head, HEAD + again, err));
        if (store) LK_TRY(asset_sink_put(k, store + done, chunk, err));
        else LK_TRY(asset_sink_zeros(k, chunk, err));
        done += chunk;
    }
    return LK_OK;
}

const asset_format asset_jpeg = {jpeg_is, jpeg_scan, jpeg_read, jpeg_plan, jpeg_wrap};
