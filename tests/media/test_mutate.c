/* test_mutate.c: good files with bytes changed, cut, doubled and swapped, through the fuzzer's own entry. The
 * same seeds each time: what a fuzzer found once stays found. */
#include "../../fuzz/fuzz_media.c"
#include "clips.h"

/* Headers are where it hurts: half of the changes fall into the first 600 bytes. */
static void mutate(uint8_t *p, size_t *n, lk_rng *r)
{
    for (uint32_t k = 1 + lk_rng_below(r, 6); k > 0 && *n > 16; k--) {
        size_t at = lk_rng_below(r, (uint32_t)(lk_rng_below(r, 2) ? LK_MIN(*n, 600) : *n));
        switch (lk_rng_below(r, 5)) {
        case 0: p[at] = (uint8_t)lk_rng_u32(r); break;
        case 1: p[at] ^= (uint8_t)(1u << lk_rng_below(r, 8)); break;
        case 2: p[at] = lk_rng_below(r, 2) ? 0xff : 0; break;
        case 3: memmove(p + at, p + at + 1, *n - at - 1), (*n)--; break;
        default: *n -= lk_rng_below(r, 8) ? 0 : lk_rng_below(r, (uint32_t)(*n / 2)); break;
        }
    }
}

static void survive(const char *path, int times)
{
    void *data = NULL;
    size_t n = 0;
    lk_error err = {0};
    CHECK_OK(lk_file_read(path, 1 << 22, &data, &n, &err), &err);
    for (int i = 0; i < times; i++) {
        uint8_t *copy = malloc(n);
        size_t size = n;
        lk_rng r = lk_rng_at(77, 1, 0, (uint64_t)i);
        memcpy(copy, data, n);
        mutate(copy, &size, &r);
        CHECK(LLVMFuzzerTestOneInput(copy, size) == 0, "%s, change %d", path, i);
        free(copy);
    }
    lk_free(data);
}

static void clips(void)
{
    NEED_FFMPEG();
    survive(make_clip("a.mp4", LAVFI_VIDEO("48x32", "25", "0.4") LAVFI_SOUND("0.4") H264
                      "-c:a aac -movflags +faststart"),
            150);
    survive(make_clip("a.mkv", LAVFI_VIDEO("48x32", "25", "0.4") LAVFI_SOUND("0.4") "-c:v mpeg4 -c:a flac"),
            100);
    survive(make_clip("a.gif", LAVFI_VIDEO("48x32", "10", "0.4")), 100);
}

static void pictures(void)
{
    NEED_FFMPEG();
    survive(make_clip("a.png", LAVFI_VIDEO("48x32", "25", "0.04")), 150);
    survive(make_clip("a.jpg", LAVFI_VIDEO("48x32", "25", "0.04")), 150);
}

static void sounds(void)
{
    NEED_FFMPEG();
    survive(make_clip("a.wav", LAVFI_SOUND("0.2")), 100);
    survive(make_clip("a.mp3", LAVFI_SOUND("0.2")), 50);
}

static const check_test tests[] = {{"clips", clips}, {"pictures", pictures}, {"sounds", sounds}};

int main(int argc, char **argv)
{
    tempdir_make("mutate");
    return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
}
