/* source.c: opening one local file for libav and nothing else.
 *
 * The demuxer reads through our own file handle and gets no name and no
 * protocol, so that no playlist, reference or numbered pattern inside a file can
 * make it open another; what the file is, is decided by its content alone.
 */
#include "media/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IO_BUFFER (64 * 1024)
#define PROBE_SECONDS 10.0
#define STREAMS_MAX 64

static void forward_log(void *avcl, int level, const char *fmt, va_list ap)
{
    if (level > AV_LOG_WARNING) return;
    char line[400];
    vsnprintf(line, sizeof(line), fmt, ap);
    line[strcspn(line, "\n")] = 0;
    if (line[0]) lk_log(3, "media", "libav: %s", line);
}

static void set_log(void) { av_log_set_callback(forward_log); }

void media_quiet(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_log);
}

lk_status media_fail(lk_error *err, lk_status code, const char *what, const char *path, int av_error,
                     const char *remedy)
{
    char why[AV_ERROR_MAX_STRING_SIZE] = "";
    if (av_error == AVERROR(ENOMEM)) code = LK_E_NOMEM;
    av_strerror(av_error, why, sizeof(why));
    return LK_FAIL(err, code, "%s: %s (%s)%s%s", path, what, why, remedy ? "; " : "", remedy ? remedy : "");
}

static int read_packet(void *user, uint8_t *buf, int n)
{
    source *s = user;
    ssize_t got = lk_fault_hit(LK_FAULT_READ) ? -1 : pread(s->fd, buf, (size_t)n, s->pos);
    if (got < 0) {
        s->read_failed = true;
        return AVERROR(EIO);
    }
    s->pos += got;
    return got ? (int)got : AVERROR_EOF;
}

static int64_t seek(void *user, int64_t offset, int whence)
{
    source *s = user;
    if (whence & AVSEEK_SIZE) return s->size;
    whence &= ~AVSEEK_FORCE;
    int64_t to = whence == SEEK_SET   ? offset
                 : whence == SEEK_CUR ? s->pos + offset
                 : whence == SEEK_END ? s->size + offset
                                      : -1;
    if (to < 0) return AVERROR(EINVAL);
    return s->pos = to;
}

static int past_deadline(void *user)
{
    source *s = user;
    return s->deadline > 0 && lk_now() > s->deadline;
}

/* Demuxers that describe other files, draw text, or take raw bytes for granted. */
static bool forbidden(const char *name)
{
    static const char *const names[] = {
        "hls",        "concat", "concatf", "dash", "imf",        "image2", "image2pipe",
        "sdp",        "rtsp",   "rtp",     "sap",  "ffmetadata", "tty",    "webm_dash_manifest",
        "tedcaptions"};
    for (size_t i = 0; i < LK_COUNT(names); i++)
        if (!strcmp(name, names[i])) return true;
    return false;
}

static lk_status open_file(source *s, lk_error *err)
{
    struct stat st;
    s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0 || fstat(s->fd, &st)) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        return LK_FAIL(err, absent ? LK_E_NOTFOUND : LK_E_IO, "%s: %s; check the path%s", s->path,
                       strerror(errno), absent ? "" : " and its permissions");
    }
    if (!S_ISREG(st.st_mode))
        return LK_FAIL(err, LK_E_FORMAT, "%s is not a file; give one clip or picture", s->path);
    if (st.st_size == 0) return LK_FAIL(err, LK_E_FORMAT, "%s is empty; copy or record it again", s->path);
    s->size = st.st_size;
    return LK_OK;
}

static lk_status open_demuxer(source *s, lk_error *err)
{
    uint8_t *buffer = av_malloc(IO_BUFFER);
    if (buffer) s->io = avio_alloc_context(buffer, IO_BUFFER, 0, s, read_packet, NULL, seek);
    if (!s->io) av_free(buffer);
    s->fmt = s->io && !lk_fault_hit(LK_FAULT_ALLOC) ? avformat_alloc_context() : NULL;
    if (!s->fmt) return LK_FAIL(err, LK_E_NOMEM, "no memory to open %s", s->path);
    s->fmt->pb = s->io;
    s->fmt->flags |= AVFMT_FLAG_CUSTOM_IO;
    s->fmt->interrupt_callback = (AVIOInterruptCB){past_deadline, s};
    s->fmt->protocol_whitelist = av_strdup("");
    s->fmt->max_streams = STREAMS_MAX;
    s->fmt->max_analyze_duration = (int64_t)PROBE_SECONDS * AV_TIME_BASE;
    s->deadline = lk_now() + PROBE_SECONDS;
    const AVInputFormat *kind = NULL;
    int e = av_probe_input_buffer2(s->io, &kind, "", NULL, 0, 0);
    if (s->read_failed) return LK_FAIL(err, LK_E_IO, "%s cannot be read; check the disk", s->path);
    if (e < 0 || !kind || forbidden(kind->name))
        return LK_FAIL(err, e == AVERROR(ENOMEM) ? LK_E_NOMEM : LK_E_FORMAT,
                       "%s is not a video, picture or sound that can be read; "
                       "give a media file such as MP4, MKV, PNG or WAV",
                       s->path);
    e = avformat_open_input(&s->fmt, NULL, kind, NULL); /* frees fmt when it fails */
    if (e >= 0) e = avformat_find_stream_info(s->fmt, NULL);
    if (s->read_failed) return LK_FAIL(err, LK_E_IO, "%s cannot be read; check the disk", s->path);
    if (e < 0)
        return media_fail(err, LK_E_FORMAT, "is damaged or cut off", s->path, e, "copy or record it again");
    s->deadline = 0;
    return LK_OK;
}

lk_status media_source_open(const char *path, source **out, lk_error *err)
{
    *out = NULL;
    media_quiet();
    if (!path || !*path) return LK_FAIL(err, LK_E_ARG, "no file was given");
    source *s = lk_calloc(1, sizeof(*s));
    if (!s) return LK_FAIL(err, LK_E_NOMEM, "no memory to open %s", path);
    s->fd = -1;
    lk_status st = LK_OK;
    if (strlen(path) >= sizeof(s->path))
        st = LK_FAIL(err, LK_E_ARG, "the path is longer than %zu bytes: %.60s...", sizeof(s->path) - 1, path);
    else strcpy(s->path, path);
    if (st == LK_OK) st = open_file(s, err);
    if (st == LK_OK) st = open_demuxer(s, err);
    if (st != LK_OK) {
        media_source_close(&s);
        return st;
    }
    /* Broadcast streams start their clock anywhere; the clip's clock starts with them. In other containers
     * zero means zero, and a late first picture is part of the clip. */
    if ((s->fmt->iformat->flags & AVFMT_TS_DISCONT) && s->fmt->start_time != AV_NOPTS_VALUE)
        s->start = s->fmt->start_time;
    *out = s;
    return LK_OK;
}

void media_source_close(source **sp)
{
    source *s = *sp;
    if (!s) return;
    if (s->fmt) avformat_close_input(&s->fmt);
    if (s->io) av_freep(&s->io->buffer);
    avio_context_free(&s->io);
    if (s->fd >= 0) close(s->fd);
    lk_free(s);
    *sp = NULL;
}

lk_status media_source_ended(source *s, int e, lk_error *err)
{
    if (s->read_failed)
        return LK_FAIL(err, LK_E_IO, "%s cannot be read any further; check the disk", s->path);
    if (e == AVERROR(ENOMEM)) return LK_FAIL(err, LK_E_NOMEM, "no memory to read %s", s->path);
    return LK_END;
}

lk_status media_decoder_open(source *s, int stream, int threads, AVCodecContext **out, lk_error *err)
{
    AVStream *st = s->fmt->streams[stream];
    const AVCodec *codec = avcodec_find_decoder(st->codecpar->codec_id);
    *out = NULL;
    if (!codec)
        return LK_FAIL(err, LK_E_UNSUPPORTED, "%s: no decoder for %s; convert it to H.264 or PNG first",
                       s->path, avcodec_get_name(st->codecpar->codec_id));
    AVCodecContext *dec = lk_fault_hit(LK_FAULT_ALLOC) ? NULL : avcodec_alloc_context3(codec);
    if (!dec) return LK_FAIL(err, LK_E_NOMEM, "no memory to decode %s", s->path);
    int e = avcodec_parameters_to_context(dec, st->codecpar);
    dec->pkt_timebase = st->time_base;
    dec->thread_count = LK_CLAMP(threads, 1, 4);
    dec->max_pixels = (int64_t)MEDIA_SIDE_MAX * MEDIA_SIDE_MAX;
    if (e >= 0) e = avcodec_open2(dec, codec, NULL);
    if (e < 0) {
        avcodec_free_context(&dec);
        return media_fail(err, LK_E_FORMAT, "the decoder refuses it", s->path, e, "copy or record it again");
    }
    *out = dec;
    return LK_OK;
}
