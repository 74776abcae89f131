/* driver.c: runs a fuzz target without libFuzzer: the seed files as they are, then
 * changed copies of them, the same ones every time. For long hunts build the target
 * with clang -fsanitize=fuzzer,address instead; this is what every test run does.
 *
 *     fuzz_NAME ROUNDS SEED-FILE...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 4096 }; /* headers and indices stand at the ends, and most changes should hit them */

static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t draw(uint64_t below) /* splitmix64 (Steele et al. 2014) */
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return below ? (z ^ (z >> 31)) % below : 0;
}

static size_t place(size_t n)
{
    size_t end = n < HEAD ? n : HEAD;
    switch (draw(4)) {
    case 0: return draw(n);
    case 1: return n - 1 - draw(end);
    default: return draw(end);
    }
}

/* Changes data in place and returns the new size, never more than n. */
static size_t change(uint8_t *data, size_t n)
{
    static const uint8_t edge[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '-', '9'};
    for (uint64_t k = 1 + draw(6); k > 0 && n > 0; k--) {
        size_t at = place(n), len = 1 + draw(n - at < 16 ? n - at : 16);
        switch (draw(5)) {
        case 0: data[at] ^= (uint8_t)(1u << draw(8)); break;
        case 1: data[at] = edge[draw(sizeof edge)]; break;
        case 2: memset(data + at, data[place(n)], len); break;
        case 3: memmove(data + at, data + draw(n - len + 1), len); break;
        default:
            if (draw(4)) { /* a few bytes vanish */
                memmove(data + at, data + at + len, n - at - len);
                n -= len;
            } else {
                n = at;
            }
        }
    }
    return n;
}

static int run_seed(const char *path, int rounds)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END)) {
        perror(path);
        return 1;
    }
    long size = ftell(f);
    rewind(f);
    uint8_t *seed = malloc((size_t)size + 1), *work = malloc((size_t)size + 1);
    if (!seed || !work || fread(seed, 1, (size_t)size, f) != (size_t)size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    fclose(f);
    LLVMFuzzerTestOneInput(seed, (size_t)size);
    for (int i = 0; i < rounds; i++) {
        memcpy(work, seed, (size_t)size);
        size_t n = change(work, (size_t)size);
        /* A block of just that size, so that a sanitizer sees the first byte read past its end. */
        uint8_t *exact = malloc(n ? n : 1);
        if (!exact) return 1;
        memcpy(exact, work, n);
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
    }
    free(seed);
    free(work);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s ROUNDS SEED-FILE...\n", argv[0]);
        return 2;
    }
    for (int i = 2; i < argc; i++)
        if (run_seed(argv[i], atoi(argv[1]))) return 1;
    return 0;
}
