/* versions.c: which FFmpeg this runs with, for `likeness doctor`. */
#include "media/media.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>

void lk_media_versions(char *out, size_t n)
{
    unsigned f = avformat_version(), c = avcodec_version();
    snprintf(out, n, "FFmpeg %s (libavformat %u.%u.%u, libavcodec %u.%u.%u), %s", av_version_info(), f >> 16,
             f >> 8 & 255, f & 255, c >> 16, c >> 8 & 255, c & 255,
             avcodec_find_encoder_by_name("libx264") ? "H.264 encoder there" : "NO H.264 encoder");
}
