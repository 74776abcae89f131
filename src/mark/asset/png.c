/* png.c: manifest stores in PNG (ISO/IEC 15948): one caBX chunk, which we put right after IHDR.
 *
 *     length u32 | "caBX" | store | CRC-32 of type and store
 */
#include "mark/asset/impl.h"

enum { FRAME = 12, CHUNKS_MAX = 1 << 20, BLOCK = 1 << 16 };

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static bool png_is(const uint8_t *head, size_t n) { return n >= 8 && !memcmp(head, signature, 8); }

static lk_status png_scan(const asset_source *src, asset_scan *sc, lk_error *err)
{
    memcpy(sc->l.mime, "image/png", 10);
    uint64_t at = 8;
    for (int i = 0; i < CHUNKS_MAX; i++) {
        uint8_t head[8];
        if (src->size - at < FRAME) return DAMAGED(err, src, "it ends without an IEND chunk");
        LK_TRY(asset_source_read(src, at, head, 8, err));
        uint64_t n = be32(head);
        if (n > src->size - at - FRAME)
            return DAMAGED(err, src, "a chunk at byte %llu claims more bytes than there are",
                           (unsigned long long)at);
        if (i == 0) {
            if (!tag_is(head + 4, "IHDR") || n != 13)
                return DAMAGED(err, src, "it does not start with an IHDR chunk");
            sc->room_at = at + FRAME + n;
        }
        if (tag_is(head + 4, "caBX")) LK_TRY(asset_scan_add(sc, src, (c2pa_range){at, FRAME + n}, n, err));
        at += FRAME + n;
        if (tag_is(head + 4, "IEND")) return LK_OK;
    }
    return DAMAGED(err, src, "it has more than %d chunks", CHUNKS_MAX);
}

static lk_status png_read(const asset_source *src, const c2pa_layout *l, uint8_t *store, lk_error *err)
{
    uint8_t crc[4];
    LK_TRY(asset_source_read(src, l->hole.start + 8, store, (size_t)l->store_size, err));
    LK_TRY(asset_source_read(src, l->hole.start + 8 + l->store_size, crc, 4, err));
    if (be32(crc) != lk_crc32(lk_crc32(0, "caBX", 4), store, (size_t)l->store_size))
        return DAMAGED(err, src, "the check sum of its manifest chunk is wrong");
    return LK_OK;
}

static lk_status png_plan(const asset_source *src, const asset_scan *sc, asset_plan *p, lk_error *err)
{
    asset_plan_kept(p, sc, 0, sc->room_at);
    asset_plan_room(p);
    asset_plan_kept(p, sc, sc->room_at, src->size);
    return LK_OK;
}

static lk_status png_wrap(asset_sink *k, const c2pa_layout *l, const uint8_t *store, lk_error *err)
{
    const size_t n = (size_t)l->store_size;
    static const uint8_t zeros[BLOCK];
    uint8_t head[8] = {0, 0, 0, 0, 'c', 'a', 'B', 'X'}, tail[4] = {0};
    put_be32(head, (uint32_t)n);
    uint32_t crc = lk_crc32(0, head + 4, 4);
    LK_TRY(asset_sink_put(k, head, 8, err));
    for (size_t done = 0; done < n;) {
        size_t part = LK_MIN(n - done, (size_t)BLOCK);
        const uint8_t *b = store ? store + done : zeros;
        crc = lk_crc32(crc, b, part);
        LK_TRY(asset_sink_put(k, b, part, err));
        done += part;
    }
    put_be32(tail, crc);
    return asset_sink_put(k, tail, 4, err);
}

const asset_format asset_png = {png_is, png_scan, png_read, png_plan, png_wrap};
