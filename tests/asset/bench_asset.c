/* bench_asset.c: what room for a manifest and the hash of a large clip cost.  bench_asset [FOLDER
 * [MEGABYTES]]
 *
 * A clip with its moov at the end is made in the folder (default: a new one in memory), and gone afterwards.
 * CPU seconds are of this process, kernel included; MB are 10^6 bytes. */
#include <sys/resource.h>

#include "files.h"

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double wall, cpu;
static void start(void) { wall = lk_now(), cpu = cpu_seconds(); }
static void report(const char *what, double bytes, lk_status s, const lk_error *err)
{
    double w = lk_now() - wall, c = cpu_seconds() - cpu;
    if (s != LK_OK) printf("%s: %s\n", what, err->message);
    else
        printf("%-24s %8.1f ms  %7.0f MB/s   CPU %8.1f ms  %7.0f MB/s\n", what, w * 1e3, bytes / w / 1e6,
               c * 1e3, bytes / c / 1e6);
}

int main(int argc, char **argv)
{
    const uint64_t bytes = (argc > 2 ? strtoull(argv[2], NULL, 10) : 1000) * 1000000;
    tempdir_make("bench");
    char in[400], out[400];
    snprintf(in, sizeof in, "%s/lk-bench-in.mp4", argc > 1 ? argv[1] : tempdir);
    snprintf(out, sizeof out, "%s/lk-bench-out.mp4", argc > 1 ? argv[1] : tempdir);

    ftyp(&file_a, "isom");
    add_be(&file_a, 1, 4);
    add(&file_a, "mdat", 4);
    add_be(&file_a, bytes + 16, 8);
    FILE *f = fopen(in, "wb");
    if (!f) return perror(in), 1;
    fwrite(file_a.b, 1, file_a.n, f);
    const uint64_t head = file_a.n;
    file_a.n = 0;
    add_noise(&file_a, 1000000, 1);
    for (uint64_t i = 0; i < bytes; i += 1000000) fwrite(file_a.b, 1, 1000000, f);
    file_a.n = 0;
    moov(&file_a, head, bytes / 200000, 200000, 4, false);
    fwrite(file_a.b, 1, file_a.n, f);
    if (fclose(f)) return perror(in), 1;

    lk_error err = {0};
    c2pa_layout l;
    c2pa_digest d;
    c2pa_bmff_skip skip[] = {{.xpath = "/uuid", .data = {{8, bmff_uuid, 16}}, .data_count = 1},
                             {.xpath = "/ftyp"},
                             {.xpath = "/mfra"}};
    uint8_t *store = make_store(4000, 1);
    for (int turn = 0; turn < 2; turn++) {
        unlink(out);
        start();
        lk_status s = c2pa_asset_reserve(in, out, 4000, &l, &err);
        report("reserve", (double)bytes, s, &err);
        start();
        s = c2pa_hash_bmff(out, skip, 3, 3, "sha256", &d, &err);
        report("hash, SHA-256", (double)bytes, s, &err);
        start();
        s = c2pa_asset_fill(out, &l, store, 4000, &err);
        report("fill", 4000, s, &err);
        start();
        s = c2pa_asset_probe(out, &l, &err);
        report("probe", 4000, s, &err);
    }
    free(store);
    unlink(in), unlink(out);
    return tempdir_remove(0);
}
