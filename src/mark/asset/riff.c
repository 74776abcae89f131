/* riff.c: manifest stores in WAV: one C2PA chunk, which we put at the end of the RIFF chunk.
 *
 *     "RIFF" | size u32 LE | "WAVE" | chunks: type | size u32 LE | data | pad byte when the size is odd
 *
 * Of other RIFF kinds (AVI, WebP) and of RF64 and BW64, whose sizes are elsewhere, nothing is known here. The
 * pad byte of the last chunk is often forgotten by writers; it is added when another chunk comes after it.
 */
#include "mark/asset/impl.h"

enum { CHUNKS_MAX = 1 << 20 };

static bool riff_is(const uint8_t *head, size_t n)
{
    return n >= 12 && (tag_is(head, "RIFF") || tag_is(head, "RF64") || tag_is(head, "BW64")) &&
           tag_is(head + 8, "WAVE");
}

static lk_status riff_scan(const asset_source *src, asset_scan *sc, lk_error *err)
{
    uint8_t head[12];
    memcpy(sc->l.mime, "audio/wav", 10);
    LK_TRY(asset_source_read(src, 0, head, 12, err));
    if (!tag_is(head, "RIFF"))
        return LK_FAIL(err, LK_E_UNSUPPORTED,
                       "%s is a WAV file of the kind for more than 4 GB (%.4s), which cannot carry a "
                       "manifest here; split it "
                       "or convert it to M4A",
                       src->name, (const char *)head);
    const uint64_t end = 8 + (uint64_t)le32(head + 4);
    if (end < 12 || end > src->size)
        return DAMAGED(err, src, "it claims to have %llu bytes but has %llu", (unsigned long long)end,
                       (unsigned long long)src->size);
    sc->room_at = end;
    uint64_t at = 12;
    for (int i = 0; at < end; i++) {
        if (i == CHUNKS_MAX) return DAMAGED(err, src, "it has more than %d chunks", CHUNKS_MAX);
        if (end - at < 8) return DAMAGED(err, src, "its last chunk is cut");
        LK_TRY(asset_source_read(src, at, head, 8, err));
        uint64_t n = le32(head + 4), whole = 8 + n;
        if (whole > end - at)
            return DAMAGED(err, src, "a chunk at byte %llu claims more bytes than there are",
                           (unsigned long long)at);
        if (n & 1 && whole < end - at) whole++;
        if (tag_is(head, "C2PA")) {
            LK_TRY(asset_scan_add(sc, src, (c2pa_range){at, 8 + n}, n, err));
            sc->old[sc->old_count - 1].length = whole;
        }
        at += whole;
    }
    return LK_OK;
}

static lk_status riff_read(const asset_source *src, const c2pa_layout *l, uint8_t *store, lk_error *err)
{
    return asset_source_read(src, l->hole.start + 8, store, (size_t)l->store_size, err);
}

static lk_status riff_plan(const asset_source *src, const asset_scan *sc, asset_plan *p, lk_error *err)
{
    /* All chunks are padded but the last perhaps: what is left of the chunks is odd only for the lack of that
     * byte. */
    uint64_t kept = sc->room_at - 8;
    for (int i = 0; i < sc->old_count; i++) kept -= sc->old[i].length;
    uint64_t size = kept + (kept & 1) + asset_room(C2PA_WAV, p->store_size);
    if (size > UINT32_MAX)
        return LK_FAIL(err, LK_E_UNSUPPORTED,
                       "%s is too near to 4 GB, the most that a WAV file can have, for a manifest; split it "
                       "or convert it "
                       "to M4A",
                       src->name);
    uint8_t head[8] = {'R', 'I', 'F', 'F'};
    put_le32(head + 4, (uint32_t)size);
    asset_plan_bytes(p, head, 8);
    asset_plan_kept(p, sc, 8, sc->room_at);
    if (kept & 1) asset_plan_bytes(p, "", 1);
    asset_plan_room(p);
    asset_plan_kept(p, sc, sc->room_at, src->size);
    return LK_OK;
}

static lk_status riff_wrap(asset_sink *k, const c2pa_layout *l, const uint8_t *store, lk_error *err)
{
    const size_t n = (size_t)l->store_size;
    uint8_t head[8] = {'C', '2', 'P', 'A'};
    put_le32(head + 4, (uint32_t)n);
    LK_TRY(asset_sink_put(k, head, 8, err));
    if (store) LK_TRY(asset_sink_put(k, store, n, err));
    else LK_TRY(asset_sink_zeros(k, n, err));
    return asset_sink_zeros(k, n & 1, err);
}

const asset_format asset_riff = {riff_is, riff_scan, riff_read, riff_plan, riff_wrap};
