/* bmff_hash.c: the hash of c2pa.hash.bmff.v2 and v3: for each top-level box that is not left out as a whole,
 * its place in the file (u64, big-endian) and then its bytes without the parts that are left out.
 *
 * A box that must have a version or flags but is of no type known to have them does not match (c2pa-rs:
 * matches): what is not left out is hashed, so that is the strict side.
 */
#include <stdlib.h>

#include "mark/asset/bmff.h"

enum { SKIPS_MAX = 64, BOXES_SEEN_MAX = 1 << 20, PATH_MAX_DEPTH = 12 };

typedef struct hashing {
    const asset_source *src;
    const c2pa_bmff_skip *skip; /* the exclusion that is looked for */
    uint8_t path[PATH_MAX_DEPTH][4];
    int depth;
    int seen;        /* nested boxes, over all exclusions */
    c2pa_range *out; /* what is left out */
    int out_count, out_cap;
} hashing;

/* Types that start with version and flags (ISO/IEC 14496-12:2022). */
static bool is_full_box(const uint8_t *type)
{
    return bmff_type_in(type, "pdinmvhdtkhdmdhdhdlrnmhdelngstsdstdpsttsctts"
                              "cslgstssstshelstdrefstszstz2stscstcoco64padbsubs"
                              "saizsaiomehdtrexmfhdtfhdtruntframfrotfdtleva"
                              "trepasspsbgpsgpdcsgpcprttselkindmetaxml bxmlilocpitm"
                              "iproinfeiinfirefipmaschmfiinfparfecrgitnfire"
                              "stristsgstvicschsidxssixprftsrppvmhdsmhdsratchnldmix"
                              "txtCmimeuri uriIhmhdsthdvvhdmedc");
}

static lk_status parse_path(hashing *h, lk_error *err)
{
    const char *p = h->skip->xpath;
    const size_t n = strnlen(p, sizeof h->skip->xpath);
    h->depth = 0;
    bool good = n >= 5 && n % 5 == 0 && n / 5 <= PATH_MAX_DEPTH && n < sizeof h->skip->xpath;
    for (size_t i = 0; good && i < n; i += 5) {
        good = p[i] == '/' && !memchr(p + i + 1, '/', 4) && !memchr(p + i + 1, '[', 4);
        memcpy(h->path[h->depth++], p + i + 1, 4);
    }
    if (good) return LK_OK;
    return LK_FAIL(err, LK_E_UNSUPPORTED,
                   "the manifest of %s leaves out boxes by a path that is not understood here", h->src->name);
}

static lk_status same_bytes(const hashing *h, const bmff_box *b, uint64_t off, const uint8_t *value, size_t n,
                            bool *same, lk_error *err)
{
    *same = off <= b->size && n <= b->size - off;
    for (size_t done = 0; *same && done < n;) {
        uint8_t part[64];
        const size_t k = LK_MIN(n - done, sizeof part);
        LK_TRY(asset_source_read(h->src, b->start + off + done, part, k, err));
        *same = !memcmp(part, value + done, k);
        done += k;
    }
    return LK_OK;
}

static lk_status matches(const hashing *h, const bmff_box *b, bool *yes, lk_error *err)
{
    const c2pa_bmff_skip *s = h->skip;
    *yes = !s->has_length || s->length == b->size;
    if (*yes && (s->has_version || s->has_flags)) {
        uint8_t full[4], uuid[16] = {0};
        bool is_full = is_full_box(b->type);
        uint64_t at = b->start + b->head;
        if (tag_is(b->type, "uuid") && b->size >= b->head + 20u) {
            LK_TRY(asset_source_read(h->src, at, uuid, 16, err));
            is_full = !memcmp(uuid, bmff_c2pa_uuid, 16);
            at += 16;
        }
        *yes = is_full && b->start + b->size - at >= 4;
        if (!*yes) return LK_OK;
        LK_TRY(asset_source_read(h->src, at, full, 4, err));
        if (s->has_version) *yes = full[0] == s->version;
        for (int i = 0; s->has_flags && i < 3; i++)
            *yes = *yes && (full[i + 1] & (s->flags_exact ? 0xff : s->flags[i])) == s->flags[i];
    }
    for (int i = 0; i < s->data_count && *yes; i++)
        LK_TRY(same_bytes(h, b, s->data[i].offset, s->data[i].value, s->data[i].n, yes, err));
    return LK_OK;
}

static lk_status leave_out(hashing *h, uint64_t start, uint64_t length, lk_error *err)
{
    if (h->out_count == h->out_cap) {
        int cap = h->out_cap ? 2 * h->out_cap : 16;
        c2pa_range *grown =
            lk_realloc(h->out, (size_t)h->out_cap * sizeof *grown, (size_t)cap * sizeof *grown);
        if (!grown) return asset_no_memory(err, h->src->name);
        h->out = grown;
        h->out_cap = cap;
    }
    h->out[h->out_count++] = (c2pa_range){start, length};
    return LK_OK;
}

/* b is what the path names. *whole: all of it is left out. */
static lk_status take_box(hashing *h, const bmff_box *b, bool *whole, lk_error *err)
{
    bool yes;
    LK_TRY(matches(h, b, &yes, err));
    if (!yes) return LK_OK;
    const c2pa_bmff_skip *s = h->skip;
    if (s->subset_count == 0) {
        *whole = true;
        return leave_out(h, b->start, b->size, err);
    }
    for (int i = 0; i < s->subset_count; i++) {
        if (s->subset[i].offset >= b->size) continue;
        const uint64_t left = b->size - s->subset[i].offset, n = s->subset[i].length;
        LK_TRY(leave_out(h, b->start + s->subset[i].offset, n == 0 ? left : LK_MIN(n, left), err));
    }
    return LK_OK;
}

/* The boxes in b, level deep in the path. */
static lk_status search(hashing *h, const bmff_box *b, int level, lk_error *err)
{
    if (!bmff_type_in(b->type, "moovtrakmdiaminfstblmooftrafedtsudtadinftreftregmvexmframetaschi"))
        return LK_OK;
    uint64_t at = b->start + b->head, end = b->start + b->size;
    if (tag_is(b->type, "meta") && end - at >= 4) {
        uint8_t first[8] = {0};
        LK_TRY(asset_source_read(h->src, at, first, (size_t)LK_MIN(end - at, sizeof first), err));
        if (!tag_is(first + 4, "hdlr")) at += 4;
    }
    while (end - at >= 8) {
        bmff_box in;
        uint8_t size[4];
        if (++h->seen > BOXES_SEEN_MAX)
            return DAMAGED(err, h->src, "it has more than %d boxes", BOXES_SEEN_MAX);
        LK_TRY(asset_source_read(h->src, at, size, 4, err));
        if (be32(size) == 0) break; /* the end of a QuickTime list */
        LK_TRY(bmff_box_at(h->src, at, end, false, &in, err));
        if (!memcmp(in.type, h->path[level], 4)) {
            bool whole;
            if (level == h->depth - 1) LK_TRY(take_box(h, &in, &whole, err));
            else LK_TRY(search(h, &in, level + 1, err));
        }
        at += in.size;
    }
    return LK_OK;
}

/* mfra is left out of every hash, so anything could be put into it: it must be what the specification knows,
 * indices (tfra) and its own size (mfro), or readers differ over the file. */
static lk_status check_mfra(const asset_source *src, const bmff_box *b, lk_error *err)
{
    for (uint64_t at = b->start + b->head, end = b->start + b->size; at < end;) {
        bmff_box in;
        LK_TRY(bmff_box_at(src, at, end, false, &in, err));
        if (!bmff_type_in(in.type, "tframfro") || in.size < in.head + 8u)
            return DAMAGED(err, src, "its list of fragments holds what cannot be there");
        at += in.size;
    }
    return LK_OK;
}

static int by_start(const void *a, const void *b)
{
    const c2pa_range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* Hashes the box without the ranges; *next is the first range that may reach into it. */
static lk_status hash_box(asset_hash *to, const bmff_box *b, const c2pa_range *out, int count, int *next,
                          lk_error *err)
{
    uint64_t at = b->start, end = b->start + b->size;
    for (; *next < count && out[*next].start < end; ++*next) {
        const c2pa_range *r = &out[*next];
        if (r->start > at) LK_TRY(asset_hash_range(to, at, r->start - at, err));
        at = LK_MAX(at, r->start + r->length);
        if (at > end) return DAMAGED(err, to->src, "a part of a box reaches out of it");
    }
    return at < end ? asset_hash_range(to, at, end - at, err) : LK_OK;
}

static lk_status find_ranges(hashing *h, const c2pa_bmff_skip *skip, int count, const bmff_box *boxes,
                             int box_count, bool *gone, lk_error *err)
{
    for (int b = 0; b < box_count; b++) {
        bmff_purpose what;
        uint64_t unused;
        LK_TRY(bmff_box_purpose(h->src, &boxes[b], &what, &unused, err));
        if (what == BMFF_MERKLE)
            return LK_FAIL(err, LK_E_UNSUPPORTED,
                           "%s is hashed piece by piece (Merkle tree), which is not checked here",
                           h->src->name);
        if (tag_is(boxes[b].type, "mfra")) LK_TRY(check_mfra(h->src, &boxes[b], err));
    }
    for (int i = 0; i < count; i++) {
        h->skip = &skip[i];
        LK_TRY(parse_path(h, err));
        for (int b = 0; b < box_count; b++) {
            if (memcmp(boxes[b].type, h->path[0], 4)) continue;
            if (h->depth == 1) LK_TRY(take_box(h, &boxes[b], &gone[b], err));
            else LK_TRY(search(h, &boxes[b], 1, err));
        }
    }
    if (h->out_count) qsort(h->out, (size_t)h->out_count, sizeof *h->out, by_start);
    return LK_OK;
}

lk_status asset_hash_bmff_source(const asset_source *src, const c2pa_bmff_skip *skip, int count, int version,
                                 const char *alg, c2pa_digest *out, lk_error *err)
{
    hashing h = {.src = src};
    asset_hash to = {0};
    bmff_box *boxes = NULL;
    bool *gone = NULL;
    int box_count = 0, next = 0;
    lk_status s;
    *out = (c2pa_digest){0};
    if (version != 2 && version != 3)
        return LK_FAIL(err, LK_E_UNSUPPORTED,
                       "%s is bound by version %d of the BMFF hash; 2 and 3 are checked here", src->name,
                       version);
    if (count < 0 || count > SKIPS_MAX)
        return LK_FAIL(err, LK_E_UNSUPPORTED, "the manifest of %s leaves out more than %d kinds of boxes",
                       src->name, SKIPS_MAX);
    LK_GOTO(done, bmff_boxes(src, &boxes, &box_count, err));
    gone = lk_calloc((size_t)box_count + 1, sizeof *gone);
    if (!gone) {
        s = asset_no_memory(err, src->name);
        goto done;
    }
    LK_GOTO(done, find_ranges(&h, skip, count, boxes, box_count, gone, err));
    LK_GOTO(done, asset_hash_open(&to, src, alg, err));
    for (int b = 0; b < box_count && s == LK_OK; b++) {
        uint8_t place[8];
        put_be64(place, boxes[b].start);
        if (!gone[b]) asset_hash_add(&to, place, 8);
        s = hash_box(&to, &boxes[b], h.out, h.out_count, &next, err);
    }
done:
    asset_hash_close(&to, alg, s == LK_OK ? out : NULL);
    lk_free(h.out);
    lk_free(gone);
    lk_free(boxes);
    return s;
}
