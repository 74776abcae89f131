/* merkle.c: Merkle Tree Hash, inclusion and consistency proofs of RFC 9162 2.1. Proofs are made by the
 * recursive definitions and checked by the iterative algorithms of 2.1.3.2 and 2.1.4.2, which share no code
 * with them. */
#include <string.h>

#include "consent/log.h"

lk_hash lk_merkle_leaf(const void *data, size_t n)
{
    static const uint8_t mark = 0x00;
    lk_hasher *h = NULL;
    if (lk_hasher_new(&h) != LK_OK) return (lk_hash){{0}};
    lk_hasher_add(h, &mark, 1);
    lk_hasher_add(h, data, n);
    return lk_hasher_finish(h);
}

static lk_hash node(const lk_hash *l, const lk_hash *r)
{
    uint8_t both[1 + 2 * LK_HASH_BYTES] = {0x01};
    memcpy(both + 1, l->b, LK_HASH_BYTES);
    memcpy(both + 1 + LK_HASH_BYTES, r->b, LK_HASH_BYTES);
    return lk_hash_bytes(both, sizeof both);
}

/* The largest power of two below n, n > 1. */
static int64_t split(int64_t n)
{
    int64_t k = 1;
    while (k < n - k) k *= 2;
    return k;
}

lk_hash lk_merkle_root(const lk_hash *leaves, int64_t n)
{
    if (n <= 0) return lk_hash_bytes("", 0);
    if (n == 1) return leaves[0];
    int64_t k = split(n);
    lk_hash l = lk_merkle_root(leaves, k), r = lk_merkle_root(leaves + k, n - k);
    return node(&l, &r);
}

int lk_merkle_inclusion(const lk_hash *leaves, int64_t n, int64_t index, lk_hash path[LK_MERKLE_PATH])
{
    if (n <= 1) return 0;
    int64_t k = split(n);
    bool left = index < k;
    int count = left ? lk_merkle_inclusion(leaves, k, index, path)
                     : lk_merkle_inclusion(leaves + k, n - k, index - k, path);
    path[count] = left ? lk_merkle_root(leaves + k, n - k) : lk_merkle_root(leaves, k);
    return count + 1;
}

/* SUBPROOF of 2.1.4.1; known: the verifier has the root of these leaves already. */
static int subproof(const lk_hash *leaves, int64_t m, int64_t n, bool known, lk_hash path[LK_MERKLE_PATH])
{
    if (m == n) {
        if (known) return 0;
        path[0] = lk_merkle_root(leaves, n);
        return 1;
    }
    int64_t k = split(n);
    bool left = m <= k;
    int count = left ? subproof(leaves, m, k, known, path) : subproof(leaves + k, m - k, n - k, false, path);
    path[count] = left ? lk_merkle_root(leaves + k, n - k) : lk_merkle_root(leaves, k);
    return count + 1;
}

int lk_merkle_consistency(const lk_hash *leaves, int64_t m, int64_t n, lk_hash path[LK_MERKLE_PATH])
{
    return m <= 0 || m >= n ? 0 : subproof(leaves, m, n, true, path);
}

bool lk_merkle_check_inclusion(const lk_hash *leaf, int64_t index, int64_t n, const lk_hash *path, int count,
                               const lk_hash *root)
{
    if (index < 0 || index >= n || count < 0 || count > LK_MERKLE_PATH) return false;
    int64_t fn = index, sn = n - 1;
    lk_hash r = *leaf;
    for (int i = 0; i < count; i++) {
        if (sn == 0) return false;
        if ((fn & 1) || fn == sn) {
            r = node(&path[i], &r);
            for (; !(fn & 1) && fn != 0; fn >>= 1) sn >>= 1;
        } else {
            r = node(&r, &path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && lk_hash_equal(&r, root);
}

bool lk_merkle_check_consistency(int64_t m, int64_t n, const lk_hash *old_root, const lk_hash *new_root,
                                 const lk_hash *path, int count)
{
    if (m <= 0 || m > n || count < 0 || count > LK_MERKLE_PATH) return false;
    if (m == n) return count == 0 && lk_hash_equal(old_root, new_root);
    int64_t fn = m - 1, sn = n - 1;
    bool whole = (m & (m - 1)) == 0; /* the old tree is a subtree of the new: its root leads the path */
    int i = 0;
    for (; fn & 1; fn >>= 1) sn >>= 1;
    if (!whole && count == 0) return false;
    lk_hash fr = whole ? *old_root : path[i++], sr = fr;
    for (; i < count; i++) {
        if (sn == 0) return false;
        if ((fn & 1) || fn == sn) {
            fr = node(&path[i], &fr);
            sr = node(&path[i], &sr);
            for (; !(fn & 1) && fn != 0; fn >>= 1) sn >>= 1;
        } else {
            sr = node(&sr, &path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && lk_hash_equal(&fr, old_root) && lk_hash_equal(&sr, new_root);
}
