/* asset.h: where a manifest store lives in a file, and what of the file a hard binding hashes. JPEG (APP11),
 * PNG (caBX), WAV (RIFF chunk C2PA), MP4/MOV/M4A (uuid box). Every length is checked against what is left of
 * the file with 64-bit arithmetic; files are streamed, never loaded. Reads other people's files: fuzzed.
 */
#ifndef LK_C2PA_ASSET_H
#define LK_C2PA_ASSET_H

#include "base/base.h"

#define C2PA_STORE_MAX ((uint64_t)32 << 20)

typedef enum c2pa_format { C2PA_JPEG, C2PA_PNG, C2PA_WAV, C2PA_BMFF, C2PA_FORMATS } c2pa_format;

typedef struct c2pa_range {
    uint64_t start, length;
} c2pa_range;

typedef struct c2pa_layout {
    c2pa_format format;
    /* image/ jpeg, png, heic, heif, avif; audio/ wav, mp4; video/ mp4, quicktime */
    char mime[24];
    uint64_t file_size;
    int stores;          /* manifest stores found: 0, 1, or more (which no reader may accept) */
    c2pa_range hole;     /* all of the first store's embedding: markers, headers, CRC; not WAV's pad byte */
    uint64_t store_size; /* bytes of the store itself */
    uint16_t instance;   /* JPEG: box instance number of its segments */
} c2pa_layout;

/* What the file is, by content. LK_E_UNSUPPORTED: none of ours; LK_E_FORMAT: damaged (says how, names the
 * file), also when what is around a store is not just so: cut or misnumbered JPEG segments, an odd header of
 * the uuid box. */
lk_status c2pa_asset_probe(const char *path, c2pa_layout *out, lk_error *err);
/* The store's bytes, joined. LK_E_NOTFOUND when there is none, LK_E_FORMAT when PNG's check sum is wrong.
 * *data is lk_free'd. */
lk_status c2pa_asset_read(const char *path, const c2pa_layout *l, void **data, size_t *n, lk_error *err);
/* Copy in to out (made, or emptied: it may be the /proc/self/fd path of a nameless file) without any store
 * that it had and with room for one of store_size bytes (38 .. C2PA_STORE_MAX, else LK_E_ARG), zeroed.
 * Offsets inside are corrected (stco, co64, saio, iloc, sidx; RIFF size); stco tables become co64 where 32
 * bits no longer do. out's layout is returned: its hole may be hashed around before it is filled. After a
 * failure the caller removes out; fsync is the caller's. LK_E_UNSUPPORTED: fragmented MP4, RF64, media in
 * other files, a WAV that would pass 4 GB. Holes of sparse files stay holes. */
lk_status c2pa_asset_reserve(const char *in, const char *out, size_t store_size, c2pa_layout *l,
                             lk_error *err);
/* Put the store into the room that reserve made (with JPEG's segment headers and PNG's CRC). n must be
 * l->store_size and store a JUMBF box of that length (LK_E_ARG); path must have l's size (LK_E_STATE). */
lk_status c2pa_asset_fill(const char *path, const c2pa_layout *l, const void *store, size_t n, lk_error *err);

/* Digest algorithm of a binding: "sha256", "sha384", "sha512". */
typedef struct c2pa_digest {
    uint8_t b[64];
    size_t n;
} c2pa_digest;
/* c2pa.hash.data: the file without the ranges (not empty, sorted, apart, inside the file; else LK_E_FORMAT).
 * Another algorithm is LK_E_UNSUPPORTED. */
lk_status c2pa_hash_ranges(const char *path, const c2pa_range *skip, int count, const char *alg,
                           c2pa_digest *out, lk_error *err);
/* c2pa.hash.bmff.v2/v3: one exclusion of the assertion. */
typedef struct c2pa_bmff_skip {
    char xpath[64]; /* "/uuid", "/ftyp", "/moov/trak/..." */
    bool has_length;
    uint64_t length; /* box must have this size */
    struct {
        uint64_t offset;
        const uint8_t *value;
        size_t n;
    } data[8]; /* bytes that the box must hold there */
    int data_count;
    struct {
        uint64_t offset, length;
    } subset[16]; /* only these parts are left out */
    int subset_count;
    bool has_version;
    uint8_t version;
    bool has_flags;
    uint8_t flags[3];
    bool flags_exact;
} c2pa_bmff_skip;
/* version 2 or 3. LK_E_UNSUPPORTED: an xpath with indices or names that are not four letters, more than 64
 * exclusions, a file with Merkle boxes. An exclusion that no box matches is fine. */
lk_status c2pa_hash_bmff(const char *path, const c2pa_bmff_skip *skip, int count, int version,
                         const char *alg, c2pa_digest *out, lk_error *err);

#endif
