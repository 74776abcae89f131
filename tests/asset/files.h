/* files.h: small files of every format, made in memory; and stores to put into them. */
#ifndef LK_TESTS_ASSET_FILES_H
#define LK_TESTS_ASSET_FILES_H

#include "check.h"
#include "mark/asset/impl.h"
#include "tempdir.h"

/* A file under construction. */
typedef struct made {
    uint8_t b[1 << 21];
    size_t n;
} made;

__attribute__((unused)) static made file_a, file_b; /* what most tests need */

__attribute__((unused)) static void add(made *m, const void *b, size_t n)
{
    if (m->n + n > sizeof m->b) abort();
    memcpy(m->b + m->n, b, n);
    m->n += n;
}
__attribute__((unused)) static void add_be(made *m, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) add(m, &(uint8_t){(uint8_t)(v >> 8 * i)}, 1);
}
__attribute__((unused)) static void add_le(made *m, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) add(m, &(uint8_t){(uint8_t)(v >> 8 * i)}, 1);
}
__attribute__((unused)) static void add_noise(made *m, size_t n, uint64_t seed)
{
    lk_rng r = lk_rng_at(seed, 7, 0, 0);
    for (size_t i = 0; i < n; i++) add(m, &(uint8_t){(uint8_t)lk_rng_u32(&r)}, 1);
}
/* in_tempdir whose answers stay valid. */
__attribute__((unused)) static const char *where(const char *name)
{
    static char kept[64][300];
    static int count;
    const char *path = in_tempdir(name);
    for (int i = 0; i < count; i++)
        if (!strcmp(kept[i], path)) return kept[i];
    if (count == 64) abort();
    snprintf(kept[count], sizeof kept[0], "%s", path);
    return kept[count++];
}
__attribute__((unused)) static const char *save(const made *m, const char *name)
{
    const char *path = where(name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(m->b, 1, m->n, f) != m->n || fclose(f)) abort();
    return path;
}

/* A store as far as this room looks into it: jumb, jumd, "c2pa", then noise. free() it. */
__attribute__((unused)) static uint8_t *make_store(size_t n, uint64_t seed)
{
    uint8_t *b = malloc(n);
    if (!b || n < ASSET_STORE_MIN) abort();
    lk_rng r = lk_rng_at(seed, 8, 0, 0);
    for (size_t i = 0; i < n; i++) b[i] = (uint8_t)lk_rng_u32(&r);
    static const uint8_t head[] = "\0\0\0\0jumb\0\0\0\x1ejumd"
                                  "c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\x03"
                                  "c2pa";
    memcpy(b, head, sizeof head);
    put_be32(b, (uint32_t)n);
    return b;
}

/* --- JPEG: segments as they stand in real files; what is coded in them does not matter here ------------- */

__attribute__((unused)) static void jpeg_segment(made *m, uint8_t code, const void *b, size_t n)
{
    add_be(m, 0xff00u | code, 2);
    add_be(m, n + 2, 2);
    add(m, b, n);
}
__attribute__((unused)) static void jpeg_start(made *m, bool jfif)
{
    m->n = 0;
    add(m, "\xff\xd8", 2);
    if (jfif) jpeg_segment(m, 0xe0, "JFIF\0\1\2\0\0\1\0\1\0\0", 14);
}
__attribute__((unused)) static void jpeg_scans(made *m, int scans)
{
    uint8_t table[65] = {0};
    jpeg_segment(m, 0xdb, table, 65);
    jpeg_segment(m, scans > 1 ? 0xc2 : 0xc0, "\10\0\10\0\10\1\1\21\0", 9);
    for (int i = 0; i < scans; i++) {
        jpeg_segment(m, 0xda, "\1\1\0\0\77\0", 6);
        add(m, "\x12\xff\0\x34\xff\xd0\x56\xff\0\xff\0\x78", 12); /* stuffed FF, a restart marker */
    }
    add(m, "\xff\xd9", 2);
}

/* --- PNG ------------------------------------------------------------------------------------------------ */

__attribute__((unused)) static void png_chunk(made *m, const char *type, const void *b, size_t n)
{
    add_be(m, n, 4);
    add(m, type, 4);
    add(m, b, n);
    add_be(m, lk_crc32(0, m->b + m->n - n - 4, n + 4), 4);
}
__attribute__((unused)) static void png_start(made *m)
{
    m->n = 0;
    add(m, "\x89PNG\r\n\x1a\n", 8);
    png_chunk(m, "IHDR", "\0\0\0\1\0\0\0\1\10\0\0\0\0", 13);
}
__attribute__((unused)) static void png_end(made *m)
{
    png_chunk(m, "IDAT", "\x78\x9c\x63\x60\0\0\0\2\0\1", 10);
    png_chunk(m, "IEND", "", 0);
}

/* --- WAV -------------------------------------------------------------------------------------------------
 */

__attribute__((unused)) static void wav_chunk(made *m, const char *type, size_t n, bool pad)
{
    add(m, type, 4);
    add_le(m, n, 4);
    add_noise(m, n, n);
    if (pad && n & 1) add(m, "", 1);
}
__attribute__((unused)) static void wav_start(made *m)
{
    m->n = 0;
    add(m, "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\10\0", 36);
}
__attribute__((unused)) static void wav_end(made *m) { put_le32(m->b + 4, (uint32_t)m->n - 8); }

__attribute__((unused)) static const uint8_t bmff_uuid[16] = {0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c,
                                                              0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81};

/* --- boxes ------------------------------------------------------------------------------------------------
 */

__attribute__((unused)) static size_t box_open(made *m, const char *type)
{
    add_be(m, 0, 4);
    add(m, type, 4);
    return m->n - 8;
}
__attribute__((unused)) static void box_close(made *m, size_t start)
{
    put_be32(m->b + start, (uint32_t)(m->n - start));
}
__attribute__((unused)) static void box(made *m, const char *type, const void *b, size_t n)
{
    size_t at = box_open(m, type);
    add(m, b, n);
    box_close(m, at);
}
__attribute__((unused)) static void ftyp(made *m, const char *brand)
{
    m->n = 0;
    size_t at = box_open(m, "ftyp");
    add(m, brand, 4);
    add(m, "\0\0\2\0isomiso2", 12);
    box_close(m, at);
}
/* moov/trak/mdia/minf/{dinf/dref, stbl/{stco or co64}} with count places, step bytes apart. */
__attribute__((unused)) static void moov(made *m, uint64_t first, uint64_t step, unsigned count, int bytes,
                                         bool elsewhere)
{
    size_t moov_at = box_open(m, "moov");
    box(m, "mvhd", file_a.b, 0); /* contents do not matter */
    size_t trak = box_open(m, "trak"), edts = box_open(m, "edts");
    box(m, "elst", "\0\0\0\0\0\0\0\0", 8);
    box_close(m, edts);
    size_t mdia = box_open(m, "mdia"), minf = box_open(m, "minf"), dinf = box_open(m, "dinf"),
           dref = box_open(m, "dref");
    add(m, "\0\0\0\0\0\0\0\1\0\0\0\x0curl \0\0\0", 19);
    add_be(m, !elsewhere, 1);
    box_close(m, dref);
    box_close(m, dinf);
    size_t stbl = box_open(m, "stbl"), table = box_open(m, bytes == 8 ? "co64" : "stco");
    add_be(m, 0, 4);
    add_be(m, count, 4);
    for (unsigned i = 0; i < count; i++) add_be(m, first + step * i, bytes);
    box_close(m, table);
    box(m, "stsz", "\0\0\0\0\0\0\0\1\0\0\0\0", 12);
    box_close(m, stbl);
    box_close(m, minf);
    box_close(m, mdia);
    box_close(m, trak);
    box_close(m, moov_at);
}

/* A small file of each format. */
__attribute__((unused)) static void make_small(made *m, c2pa_format f)
{
    switch (f) {
    case C2PA_JPEG:
        jpeg_start(m, true);
        jpeg_scans(m, 1);
        break;
    case C2PA_PNG:
        png_start(m);
        png_end(m);
        break;
    case C2PA_WAV:
        wav_start(m);
        wav_chunk(m, "data", 101, true);
        wav_end(m);
        break;
    default:
        ftyp(m, "isom");
        moov(m, m->n + 8, 10, 10, 4, false); /* corrected below: the data follow */
        for (size_t i = 0, at = 0; i + 4 < m->n; i++) {
            if (tag_is(m->b + i, "stco")) at = i;
            if (at && i == at)
                for (unsigned k = 0; k < 10; k++)
                    put_be32(m->b + at + 12 + 4 * k, (uint32_t)(m->n + 8 + 10 * k));
        }
        size_t at = box_open(m, "mdat");
        add_noise(m, 100, 3);
        box_close(m, at);
    }
}

#endif
