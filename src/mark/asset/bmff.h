/* bmff.h: boxes of ISO/IEC 14496-12 files, for bmff.c (reading), bmff_move.c (making room), bmff_tables.c
 * (correcting offsets) and bmff_hash.c.
 */
#ifndef LK_C2PA_BMFF_H
#define LK_C2PA_BMFF_H

#include "mark/asset/impl.h"

#define BMFF_BOXES_MAX \
    (1 << 16) /* top-level boxes of a file; two for each fragment of a stream of many hours */
#define BMFF_DEPTH_MAX 16

typedef struct bmff_box {
    uint64_t start, size; /* header included */
    uint8_t type[4];
    uint8_t head; /* bytes of the header: 8 or 16 */
    bool to_end;  /* its size field is 0: until the end of the file */
} bmff_box;

extern const uint8_t bmff_c2pa_uuid[16];

/* list: types of four letters each, one after another. */
static inline bool bmff_type_in(const uint8_t *type, const char *list)
{
    for (; *list; list += 4)
        if (tag_is(type, list)) return true;
    return false;
}

/* The box at `at` inside a parent that ends at end. size 0 is understood when top says so, else LK_E_FORMAT.
 */
lk_status bmff_box_at(const asset_source *src, uint64_t at, uint64_t end, bool top, bmff_box *out,
                      lk_error *err);
/* All top-level boxes, in order, without gaps; *boxes is lk_free'd by the caller, also after a failure. */
lk_status bmff_boxes(const asset_source *src, bmff_box **boxes, int *count, lk_error *err);
/* Whether the box is C2PA's and what for. LK_E_FORMAT when it is C2PA's and misshapen. */
typedef enum bmff_purpose { BMFF_OTHER, BMFF_STORE, BMFF_MERKLE } bmff_purpose;
lk_status bmff_box_purpose(const asset_source *src, const bmff_box *b, bmff_purpose *out, uint64_t *store_at,
                           lk_error *err);
lk_status bmff_plan(const asset_source *src, const asset_scan *sc, asset_plan *p, lk_error *err);

/* --- correcting offsets (bmff_tables.c) ----------------------------------------------------------- */

/* Where the pieces of the old file went: an old offset in [old, old+size) is now at now + (offset - old). */
typedef struct bmff_moved {
    uint64_t old, size, now;
} bmff_moved;
typedef struct bmff_map {
    bmff_moved *at;
    int count;
    uint64_t old_size;
} bmff_map; /* old_size: of the whole file */
uint64_t bmff_map_to(const bmff_map *m, uint64_t old);

/* Correcting the tables of a moov, meta or sidx box. With wide all stco boxes become co64 boxes. */
typedef struct bmff_tables {
    const asset_source *src; /* for messages */
    const bmff_map *map;     /* NULL: offsets are not looked at */
    bool wide;
    bool overflow;   /* result: an offset did not fit into an stco box; it must be wide */
    uint64_t growth; /* result, when not wide: the bytes that wide would add */
} bmff_tables;
/* From the whole box b of n bytes, which was at old_start, to out; n (wide: n + growth) bytes are written.
 * out NULL: only the results and the checks of the structure. LK_E_UNSUPPORTED: media in other files, a
 * compressed moov, an offset of another kind that does not fit. */
lk_status bmff_tables_move(bmff_tables *t, const uint8_t *b, uint64_t n, uint64_t old_start, uint8_t *out,
                           lk_error *err);

#endif
