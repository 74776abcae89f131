/* fuzz_media.c: bytes -> a file -> reader and sound. Whatever comes in, it is refused with a status or gives
 * frames whose every pixel is a colour. Built for libFuzzer (clang -fsanitize=fuzzer) or any driver that
 * calls LLVMFuzzerTestOneInput. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "media/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_pictures(const char *path)
{
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    lk_error err = {0};
    if (lk_reader_open(path, &r, &err) != LK_OK) return;
    const lk_media_info *m = lk_reader_info(r);
    for (int i = 0; i < 24 && lk_reader_next(r, &f, &err) == LK_OK; i++) {
        lk_image im = {0};
        lk_frame_info info = lk_frame_get_info(f);
        if (info.width != m->width || info.height != m->height) __builtin_trap();
        int w = LK_MIN(info.width, 64), h = LK_MIN(info.height, 64);
        if (lk_image_new(w, h, 3, &im, &err) == LK_OK &&
            lk_frame_get_rgb(f, info.width - w / 2, -h / 2, &im, &err) == LK_OK)
            for (int k = 0; k < w * h * 3; k++)
                if (!(im.data[k] >= 0 && im.data[k] <= 1)) __builtin_trap();
        lk_image_clear(&im);
        lk_frame_unref(&f);
    }
    if (lk_reader_seek(r, 0.3, &err) == LK_OK && lk_reader_next(r, &f, &err) == LK_OK) lk_frame_unref(&f);
    lk_reader_close(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) __builtin_trap();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    read_pictures(path);
    lk_audio a;
    lk_error err = {0};
    if (lk_audio_read(path, 16000, 1, &a, &err) == LK_OK &&
        (a.samples < 0 || a.rate != 16000 || a.channels != 1))
        __builtin_trap();
    lk_audio_clear(&a);
    close(fd);
    return 0;
}
