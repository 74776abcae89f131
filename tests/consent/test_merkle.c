/* test_merkle.c: the tree and both proofs for every size up to 70, against a plain second reading of RFC
 * 9162, and every way to bend a proof. */
#include "check.h"
#include "consent/log.h"

enum { MOST = 70 };
static lk_hash leaves[MOST], roots[MOST + 1];

/* The Merkle Tree Hash written down as in the RFC, over data instead of leaf hashes: concatenations in a
 * buffer, the split found by counting up. */
static lk_hash plain(const uint8_t *data, int n)
{
    uint8_t buffer[65];
    if (n == 0) return lk_hash_bytes(NULL, 0);
    if (n == 1) {
        uint8_t leaf[2] = {0, *data};
        return lk_hash_bytes(leaf, 2);
    }
    int k = 1;
    for (int p = 1; p < n; p <<= 1) k = p;
    lk_hash l = plain(data, k), r = plain(data + k, n - k);
    buffer[0] = 1;
    memcpy(buffer + 1, l.b, 32);
    memcpy(buffer + 33, r.b, 32);
    return lk_hash_bytes(buffer, sizeof buffer);
}

static void fill(void)
{
    uint8_t data[MOST];
    for (int i = 0; i < MOST; i++) {
        data[i] = (uint8_t)(i * 37 + 5);
        leaves[i] = lk_merkle_leaf(&data[i], 1);
    }
    for (int n = 0; n <= MOST; n++) {
        roots[n] = lk_merkle_root(leaves, n);
        lk_hash want = plain(data, n);
        CHECK(lk_hash_equal(&roots[n], &want), "the root over %d leaves", n);
    }
}

static void test_known(void)
{
    /* The test vectors of Certificate Transparency (RFC 6962, reference implementation). */
    static const struct {
        const char *data;
        size_t n;
    } inputs[] = {{"", 0},
                  {"\x00", 1},
                  {"\x10", 1},
                  {"\x20\x21", 2},
                  {"\x30\x31", 2},
                  {"\x40\x41\x42\x43", 4},
                  {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
                  {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16}};
    static const char *const want[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                       "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                       "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                       "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                       "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                       "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                       "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                       "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
    lk_hash tree[8];
    for (int i = 0; i < 8; i++) {
        char hex[LK_HASH_HEX];
        tree[i] = lk_merkle_leaf(inputs[i].data, inputs[i].n);
        lk_hash root = lk_merkle_root(tree, i + 1);
        lk_hash_hex(&root, hex);
        CHECK_STR(hex, want[i]);
    }
}

static void test_inclusion(void)
{
    lk_hash path[LK_MERKLE_PATH];
    fill();
    for (int n = 1; n <= MOST; n++)
        for (int i = 0; i < n; i++) {
            int c = lk_merkle_inclusion(leaves, n, i, path);
            CHECK(c <= 7 && lk_merkle_check_inclusion(&leaves[i], i, n, path, c, &roots[n]), "leaf %d of %d",
                  i, n);
            for (int j = 0; j < n; j++) /* it proves no other place, leaf or tree */
                if (j != i) {
                    CHECK(!lk_merkle_check_inclusion(&leaves[i], j, n, path, c, &roots[n]), "%d as %d of %d",
                          i, j, n);
                    CHECK(!lk_merkle_check_inclusion(&leaves[j], i, n, path, c, &roots[n]), "%d for %d of %d",
                          j, i, n);
                }
            CHECK(!lk_merkle_check_inclusion(&leaves[i], i, n, path, c, &roots[n - 1]),
                  "leaf %d of %d in less", i, n);
            for (int k = 0; k < c; k++) {
                path[k].b[k % 32] ^= 1;
                CHECK(!lk_merkle_check_inclusion(&leaves[i], i, n, path, c, &roots[n]), "hash %d bent", k);
                path[k].b[k % 32] ^= 1;
            }
            if (c)
                CHECK(!lk_merkle_check_inclusion(&leaves[i], i, n, path, c - 1, &roots[n]), "a hash short");
            path[c] = leaves[0];
            CHECK(!lk_merkle_check_inclusion(&leaves[i], i, n, path, c + 1, &roots[n]), "a hash long");
        }
    CHECK(!lk_merkle_check_inclusion(&leaves[0], 1, 1, path, 0, &roots[1]), "beyond the end");
    CHECK(!lk_merkle_check_inclusion(&leaves[0], -1, 1, path, 0, &roots[1]), "before the start");
}

static void test_consistency(void)
{
    lk_hash path[LK_MERKLE_PATH];
    fill();
    for (int n = 1; n <= MOST; n++)
        for (int m = 1; m <= n; m++) {
            int c = lk_merkle_consistency(leaves, m, n, path);
            CHECK(lk_merkle_check_consistency(m, n, &roots[m], &roots[n], path, c), "%d to %d", m, n);
            CHECK((c == 0) == (m == n), "%d hashes from %d to %d", c, m, n);
            for (int j = 1; j <= MOST; j++) {
                if (j != m)
                    CHECK(!lk_merkle_check_consistency(m, n, &roots[j], &roots[n], path, c), "%d for %d", j,
                          m);
                if (j != n)
                    CHECK(!lk_merkle_check_consistency(m, n, &roots[m], &roots[j], path, c), "%d for %d", j,
                          n);
            }
            for (int k = 0; k < c; k++) {
                path[k].b[31 - k] ^= 0x80;
                CHECK(!lk_merkle_check_consistency(m, n, &roots[m], &roots[n], path, c), "hash %d bent", k);
                path[k].b[31 - k] ^= 0x80;
            }
            if (c)
                CHECK(!lk_merkle_check_consistency(m, n, &roots[m], &roots[n], path, c - 1), "a hash short");
            path[c] = leaves[0];
            CHECK(!lk_merkle_check_consistency(m, n, &roots[m], &roots[n], path, c + 1), "a hash long");
        }
    CHECK(!lk_merkle_check_consistency(0, 5, &roots[0], &roots[5], path, 0), "from nothing");
    CHECK(!lk_merkle_check_consistency(6, 5, &roots[6], &roots[5], path, 0), "backwards");
}

/* A tree with one leaf changed, left out or exchanged is never consistent with the one before. */
static void test_rewritten(void)
{
    lk_hash path[LK_MERKLE_PATH], other[MOST];
    fill();
    for (int m = 2; m < 40; m++)
        for (int kind = 0; kind < 3; kind++) {
            int n = m + 7;
            memcpy(other, leaves, sizeof other);
            if (kind == 0) other[m / 2].b[0] ^= 1;
            if (kind == 1)
                memmove(&other[m / 2], &other[m / 2 + 1], sizeof *other * (size_t)(MOST - m / 2 - 1));
            if (kind == 2) {
                other[0] = leaves[m - 1];
                other[m - 1] = leaves[0];
            }
            lk_hash root = lk_merkle_root(other, n);
            int c = lk_merkle_consistency(other, m, n, path);
            CHECK(!lk_merkle_check_consistency(m, n, &roots[m], &root, path, c), "kind %d, %d to %d", kind, m,
                  n);
        }
}

static const check_test tests[] = {{"known", test_known},
                                   {"inclusion", test_inclusion},
                                   {"consistency", test_consistency},
                                   {"rewritten", test_rewritten}};
CHECK_MAIN(tests)
