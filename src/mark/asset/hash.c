/* hash.c: hashing parts of a source, in order, in blocks. */
#include "base/digest.h"
#include "mark/asset/impl.h"

enum { BLOCK = 1 << 18 };

lk_status asset_hash_open(asset_hash *h, const asset_source *src, const char *alg, lk_error *err)
{
    *h = (asset_hash){.src = src};
    if (lk_digest_size(alg) == 0)
        return LK_FAIL(err, LK_E_UNSUPPORTED,
                       "%s is bound by the hash \"%.20s\", which is none of sha256, sha384 and sha512",
                       src->name, alg ? alg : "");
    h->block = lk_alloc((size_t)LK_MIN(src->size + 1, (uint64_t)BLOCK));
    if (!h->block || lk_digest_new(alg, &h->digest) != LK_OK) {
        asset_hash_close(h, alg, NULL);
        return asset_no_memory(err, src->name);
    }
    asset_source_advise(src);
    return LK_OK;
}

void asset_hash_add(asset_hash *h, const void *data, size_t n) { lk_digest_add(h->digest, data, n); }

lk_status asset_hash_range(asset_hash *h, uint64_t from, uint64_t length, lk_error *err)
{
    while (length > 0) {
        size_t n = (size_t)LK_MIN(length, (uint64_t)BLOCK);
        LK_TRY(asset_source_read(h->src, from, h->block, n, err));
        lk_digest_add(h->digest, h->block, n);
        from += n, length -= n;
    }
    return LK_OK;
}

void asset_hash_close(asset_hash *h, const char *alg, c2pa_digest *out)
{
    lk_digest_finish(h->digest, out ? out->b : NULL);
    if (out) out->n = lk_digest_size(alg);
    lk_free(h->block);
    *h = (asset_hash){0};
}

lk_status asset_hash_ranges_source(const asset_source *src, const c2pa_range *skip, int count,
                                   const char *alg, c2pa_digest *out, lk_error *err)
{
    *out = (c2pa_digest){0};
    uint64_t at = 0;
    for (int i = 0; i < count; i++) {
        if (skip[i].start < at || skip[i].start > src->size || skip[i].length == 0 ||
            skip[i].length > src->size - skip[i].start)
            return LK_FAIL(err, LK_E_FORMAT,
                           "the manifest of %s leaves out bytes %llu+%llu, which are outside the file, empty "
                           "or out of order; "
                           "the manifest is not of this file",
                           src->name, (unsigned long long)skip[i].start, (unsigned long long)skip[i].length);
        at = skip[i].start + skip[i].length;
    }
    asset_hash h;
    LK_TRY(asset_hash_open(&h, src, alg, err));
    lk_status s = LK_OK;
    at = 0;
    for (int i = 0; i < count && s == LK_OK; i++) {
        s = asset_hash_range(&h, at, skip[i].start - at, err);
        at = skip[i].start + skip[i].length;
    }
    if (s == LK_OK) s = asset_hash_range(&h, at, src->size - at, err);
    asset_hash_close(&h, alg, s == LK_OK ? out : NULL);
    return s;
}
