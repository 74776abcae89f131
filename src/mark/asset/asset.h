/* asset.h: where a manifest store lives in a file, and what of the file a hard binding hashes. JPEG (APP11),
 * PNG (caBX), WAV (RIFF chunk C2PA), MP4/MOV/M4A (uuid box). Every length is checked against what is left of the
 * file with 64-bit arithmetic; files are streamed, never loaded. Reads other people's files: fuzzed.
 */
#ifndef LK_C2PA_ASSET_H
#define LK_C2PA_ASSET_H

#include "base/base.h"

#define C2PA_STORE_MAX ((uint64_t)32 << 20)

typedef enum c2pa_format { C2PA_JPEG, C2PA_PNG, C2PA_WAV, C2PA_BMFF, C2PA_FORMATS } c2pa_format;

typedef struct c2pa_range { uint64_t start, length; } c2pa_range;

typedef struct c2pa_layout {
    c2pa_format format;
    char mime[24];        /* image/jpeg, image/png, audio/wav, video/mp4, video/quicktime, audio/mp4 */
    uint64_t file_size;
    int stores;           /* manifest stores found: 0, 1, or more (which no reader may accept) */
    c2pa_range hole;      /* all of the first store's embedding, markers, headers, CRC and pad included */
    uint64_t store_size;  /* bytes of the store itself */
} c2pa_layout;

/* What the file is, by content. LK_E_UNSUPPORTED: none of ours; LK_E_FORMAT: damaged (says how, names the file). */
lk_status c2pa_asset_probe(const char *path, c2pa_layout *out, lk_error *err);
/* The store's bytes, joined. LK_E_NOTFOUND when there is none. *data is lk_free'd. */
lk_status c2pa_asset_read(const char *path, const c2pa_layout *l, void **data, size_t *n, lk_error *err);
/* Copy in to out (a new file, which the caller removes on failure; fsync is the caller's) without any store that it
 * had and with room for one of store_size bytes, zeroed; offsets inside are corrected (stco, co64, iloc, sidx, saio,
 * tfhd, tfra; RIFF size). out's layout is returned. Fragmented MP4 and RF64 are LK_E_UNSUPPORTED. */
lk_status c2pa_asset_reserve(const char *in, const char *out, size_t store_size, c2pa_layout *l, lk_error *err);
/* Put the store into its room (and PNG's CRC). n must be l->store_size. */
lk_status c2pa_asset_fill(const char *path, const c2pa_layout *l, const void *store, size_t n, lk_error *err);

/* Digest algorithm of a binding: "sha256", "sha384", "sha512". */
typedef struct c2pa_digest { uint8_t b[64]; size_t n; } c2pa_digest;
/* c2pa.hash.data: the file without the ranges (sorted, apart, inside the file; else LK_E_FORMAT). */
lk_status c2pa_hash_ranges(const char *path, const c2pa_range *skip, int count, const char *alg, c2pa_digest *out,
                           lk_error *err);
/* c2pa.hash.bmff.v2/v3: one exclusion of the assertion. */
typedef struct c2pa_bmff_skip {
    char xpath[64];                 /* "/uuid", "/ftyp", "/moov/trak/..." */
    bool has_length; uint64_t length; /* box must have this size */
    struct { uint64_t offset; const uint8_t *value; size_t n; } data[8]; /* bytes that the box must hold there */
    int data_count;
    struct { uint64_t offset, length; } subset[16]; /* only these parts are left out */
    int subset_count;
    bool has_version; uint8_t version;
    bool has_flags; uint8_t flags[3]; bool flags_exact;
} c2pa_bmff_skip;
lk_status c2pa_hash_bmff(const char *path, const c2pa_bmff_skip *skip, int count, int version, const char *alg,
                         c2pa_digest *out, lk_error *err);

#endif
