/* clips.h: test clips made on the spot by the ffmpeg command; without it the
 * tests that need clips are skipped.
 */
#ifndef LK_TESTS_MEDIA_CLIPS_H
#define LK_TESTS_MEDIA_CLIPS_H

#include "base/base.h"
#include "check.h"
#include "tempdir.h"

__attribute__((unused)) static bool have_ffmpeg(void)
{
    static int known = -1;
    if (known < 0) known = system("ffmpeg -version >/dev/null 2>&1 && ffprobe -version >/dev/null 2>&1") == 0;
    return known;
}

#define NEED_FFMPEG()                                                    \
    do {                                                                 \
        if (!have_ffmpeg()) SKIP("the ffmpeg command is not installed"); \
    } while (0)

/* Run `ffmpeg ARGS NAME` in the test's folder and give the path of NAME; inputs of ARGS are names there too.
 */
__attribute__((unused)) static const char *make_clip(const char *name, const char *args)
{
    char command[2000];
    snprintf(command, sizeof(command), "cd '%s' && ffmpeg -v error -nostdin -y %s '%s' </dev/null", tempdir,
             args, name);
    CHECK(system(command) == 0, "cannot make %s", name);
    return in_tempdir(name);
}

#define LAVFI_VIDEO(size, rate, seconds) "-f lavfi -i testsrc2=s=" size ":r=" rate ":d=" seconds " "
#define LAVFI_SOUND(seconds) "-f lavfi -i sine=d=" seconds ":r=48000 "
#define H264 "-c:v libx264 -preset ultrafast "
#define VFR "-vf \"select='not(mod(n,3))+not(mod(n,7))'\" -fps_mode vfr "
#define BT2020 "-color_primaries bt2020 -colorspace bt2020nc -color_trc smpte2084 -color_range tv "
#define BT709 "-color_primaries bt709 -colorspace bt709 -color_trc bt709 "
/* 0.4 s of a size that 4:2:0 cannot halve. */
#define ODD(size, w_h) \
    "-f lavfi -i testsrc=s=" size ":r=25:d=0.4 -vf format=yuv444p,scale=" w_h ",format=yuv420p "
/* Black and silence but for a flash and a beep at 1 s. */
#define FLASH \
    "-f lavfi -i \"color=black:s=160x120:r=25:d=2,drawbox=c=white:t=fill:enable='between(t,1,1.1)'\" "
#define BEEP "-f lavfi -i \"aevalsrc='sin(2*PI*440*t)*between(t,1,1.1)':s=48000:d=2\" "

/* What a shell command prints, at most 256 KiB; free() it. */
__attribute__((unused)) static char *shell(const char *command)
{
    char *s = malloc(1 << 18);
    FILE *p = popen(command, "r");
    size_t n = p && s ? fread(s, 1, (1 << 18) - 1, p) : 0;
    if (p) pclose(p);
    if (s) s[n] = 0;
    return s;
}

/* Copy the first n bytes of a file, or its middle filled with noise: files as they come back from broken
 * disks. */
__attribute__((unused)) static const char *cut_file(const char *from, const char *name, double keep)
{
    void *data = NULL;
    size_t n = 0;
    lk_error err = {0};
    CHECK_OK(lk_file_read(from, 1 << 28, &data, &n, &err), &err);
    CHECK_OK(lk_file_write_atomic(in_tempdir(name), data, (size_t)((double)n * keep), &err), &err);
    lk_free(data);
    return in_tempdir(name);
}

__attribute__((unused)) static const char *spoil_file(const char *from, const char *name, double at,
                                                      double until, int every)
{
    void *data = NULL;
    size_t n = 0;
    lk_error err = {0};
    CHECK_OK(lk_file_read(from, 1 << 28, &data, &n, &err), &err);
    lk_rng r = lk_rng_at(11, 3, 0, 0);
    for (size_t i = (size_t)((double)n * at); i < (size_t)((double)n * until); i += (size_t)every)
        ((uint8_t *)data)[i] = (uint8_t)lk_rng_u32(&r);
    CHECK_OK(lk_file_write_atomic(in_tempdir(name), data, n, &err), &err);
    lk_free(data);
    return in_tempdir(name);
}

/* Names in folder that hold part. */
__attribute__((unused)) static int count_like(const char *folder, const char *part)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) n += strstr(e->d_name, part) != NULL;
    if (d) closedir(d);
    return n;
}

#endif
