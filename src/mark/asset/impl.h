/* impl.h: inside of asset/. A source is a file or bytes in memory (fuzzing), a scan is what one pass over a
 * source found, a plan is the list of pieces that the new file is made of, a sink takes them. The formats
 * (jpeg.c, png.c, riff.c, bmff*.c) only scan, plan and say how a store is wrapped; reading and writing is all
 * in file.c.
 */
#ifndef LK_C2PA_ASSET_IMPL_H
#define LK_C2PA_ASSET_IMPL_H

#include <string.h>

#include "mark/asset/asset.h"

/* LBox, "jumb", LBox, "jumd", type, toggles, "c2pa\0": nothing shorter is a store. */
#define ASSET_STORE_MIN 38u
#define JPEG_INSTANCE 0x0211u /* number of our box in a JPEG, or the first free one after it */
#define ASSET_STORES_KEPT 256 /* places of stores that are remembered; a file with more is refused */

/* --- bytes --------------------------------------------------------------------------------------- */

static inline uint32_t be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static inline uint32_t be32(const uint8_t *p) { return be16(p) << 16 | be16(p + 2); }
static inline uint64_t be64(const uint8_t *p) { return (uint64_t)be32(p) << 32 | be32(p + 4); }
static inline uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline void put_be16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8), p[1] = (uint8_t)v; }
static inline void put_be32(uint8_t *p, uint32_t v) { put_be16(p, v >> 16), put_be16(p + 2, v); }
static inline void put_be64(uint8_t *p, uint64_t v)
{
    put_be32(p, (uint32_t)(v >> 32)), put_be32(p + 4, (uint32_t)v);
}
static inline void put_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}
static inline bool tag_is(const uint8_t *p, const char *tag) { return !memcmp(p, tag, 4); }

/* --- source ---------------------------------------------------------------------------------------- */

typedef struct asset_source {
    const char *name; /* for messages */
    int fd;           /* -1: memory */
    const uint8_t *memory;
    uint64_t size;
} asset_source;

lk_status asset_source_open(const char *path, asset_source *out, lk_error *err);
void asset_source_close(asset_source *src);
/* Exactly n bytes from off; past the end is LK_E_FORMAT. */
lk_status asset_source_read(const asset_source *src, uint64_t off, void *buf, size_t n, lk_error *err);
/* The file will be read from front to back. */
void asset_source_advise(const asset_source *src);

#define DAMAGED(err, src, ...) asset_damaged((err), (src), __FILE__, __LINE__, __VA_ARGS__)
/* LK_E_FORMAT: "NAME is damaged: ...; get the file again from where it came". */
lk_status asset_damaged(lk_error *err, const asset_source *src, const char *file, int line, const char *fmt,
                        ...) LK_PRINTF(5, 6);
lk_status asset_no_memory(lk_error *err, const char *name);

/* --- sink -------------------------------------------------------------------------------------------- */

typedef struct asset_sink {
    const char *name;
    int fd;          /* -1: memory */
    uint8_t *memory; /* of size bytes; with NULL the bytes are only counted */
    uint64_t size, at;
} asset_sink;

lk_status asset_sink_put(asset_sink *k, const void *data, size_t n, lk_error *err);
lk_status asset_sink_zeros(asset_sink *k, uint64_t n, lk_error *err);
/* Copies length bytes of src from off; holes of sparse files stay holes. */
lk_status asset_sink_copy(asset_sink *k, const asset_source *src, uint64_t off, uint64_t length,
                          lk_error *err);

/* --- scan and plan --------------------------------------------------------------------------------- */

typedef struct asset_scan {
    c2pa_layout l;
    uint64_t room_at;                  /* where a store belongs, in the scanned file */
    c2pa_range old[ASSET_STORES_KEPT]; /* what a new store replaces, in file order */
    int old_count;
    uint64_t instances[4]; /* JPEG: bit i: other boxes have the instance number JPEG_INSTANCE + i */
} asset_scan;

/* One more store was found; LK_E_FORMAT when there are too many, or too large a one. */
lk_status asset_scan_add(asset_scan *sc, const asset_source *src, c2pa_range hole, uint64_t store_size,
                         lk_error *err);

typedef enum asset_piece_kind { PIECE_COPY, PIECE_BYTES, PIECE_ROOM } asset_piece_kind;
typedef struct asset_piece {
    asset_piece_kind kind;
    uint64_t from, length; /* COPY: of the source; BYTES: length only */
    const uint8_t *bytes;  /* in the plan's arena */
} asset_piece;

typedef struct asset_plan {
    asset_piece *pieces;
    int count, cap;
    lk_arena *arena;
    size_t store_size;
    uint16_t instance; /* for JPEG's layout */
    bool failed;       /* out of memory: sticky, so that planners check once */
} asset_plan;

void asset_plan_copy(asset_plan *p, uint64_t from, uint64_t length); /* 0 bytes: nothing */
void asset_plan_bytes(asset_plan *p, const void *bytes, size_t n);
uint8_t *asset_plan_buffer(asset_plan *p,
                           size_t n); /* n zeroed bytes, for the caller to fill; NULL: no memory */
void asset_plan_room(asset_plan *p);
/* Copies [from, to) without the old stores. */
void asset_plan_kept(asset_plan *p, const asset_scan *sc, uint64_t from, uint64_t to);
void asset_plan_clear(asset_plan *p);

/* --- formats --------------------------------------------------------------------------------------- */

typedef struct asset_format {
    /* head: the file's first bytes, at most 16. */
    bool (*is)(const uint8_t *head, size_t n);
    /* Fills all of sc, which comes zeroed but for l.format and l.file_size. */
    lk_status (*scan)(const asset_source *src, asset_scan *sc, lk_error *err);
    /* The bytes of the store whose place l says; store has l->store_size bytes. */
    lk_status (*read)(const asset_source *src, const c2pa_layout *l, uint8_t *store, lk_error *err);
    lk_status (*plan)(const asset_source *src, const asset_scan *sc, asset_plan *p, lk_error *err);
    /* All bytes of the embedding of a store of l->store_size bytes; store NULL = zeros. */
    lk_status (*wrap)(asset_sink *k, const c2pa_layout *l, const uint8_t *store, lk_error *err);
} asset_format;

extern const asset_format asset_jpeg, asset_png, asset_riff, asset_bmff;

/* The public calls on a source; what the paths' versions and the fuzzer use. */
lk_status asset_scan_source(const asset_source *src, asset_scan *sc, lk_error *err);
lk_status asset_read_source(const asset_source *src, const c2pa_layout *l, void **data, size_t *n,
                            lk_error *err);
/* The pieces of the new file; its layout (stores 1, all zeros for now) and size. Clear the plan in any case.
 */
lk_status asset_plan_source(const asset_source *src, const asset_scan *sc, size_t store_size, asset_plan *p,
                            c2pa_layout *l, lk_error *err);
lk_status asset_plan_write(const asset_plan *p, const asset_source *src, const c2pa_layout *l, asset_sink *k,
                           lk_error *err);
lk_status asset_hash_ranges_source(const asset_source *src, const c2pa_range *skip, int count,
                                   const char *alg, c2pa_digest *out, lk_error *err);
lk_status asset_hash_bmff_source(const asset_source *src, const c2pa_bmff_skip *skip, int count, int version,
                                 const char *alg, c2pa_digest *out, lk_error *err);

/* Bytes that a store of n takes up in a file of the format. */
uint64_t asset_room(c2pa_format f, size_t store_size);
/* Those of them that are its hole: all but WAV's pad byte. */
uint64_t asset_hole(c2pa_format f, size_t store_size);

/* --- streaming hash (hash.c) --------------------------------------------------------------------------- */

typedef struct asset_hash {
    const asset_source *src;
    struct lk_digest *digest;
    uint8_t *block;
} asset_hash;
lk_status asset_hash_open(asset_hash *h, const asset_source *src, const char *alg, lk_error *err);
void asset_hash_add(asset_hash *h, const void *data, size_t n);
lk_status asset_hash_range(asset_hash *h, uint64_t from, uint64_t length, lk_error *err);
void asset_hash_close(asset_hash *h, const char *alg, c2pa_digest *out); /* out NULL: thrown away */

#endif
