/* bench.c: the table of benches, their rows on screen and in the CSV. */
#include "likeness/enroll.h"
#include "studio/studio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct bench_row { const char *name, *help; lk_status (*run)(const lk_bench *b, lk_error *err); bool data; } bench_row;
static const bench_row rows[] = {
    {"swap", "swap fidelity against the actors' truth clips (trains each pair: A-B B-A C-D D-C)", lk_bench_swap, true},
    {"face", "detection, landmarks, tracking, mask and identity on held-out data", lk_bench_face, true},
    {"voice", "speech activity, and speakers told apart, on held-out people (--only activity or speaker)", lk_bench_voice, true},
    {"train", "images/s and GFLOP/s of the training step at 64, 96 and 128 px", lk_bench_train, false},
    {"render", "frames/s of `likeness swap` from file to file", lk_bench_render, true},
    {"copies", "the registry of copies: a million hashes (--only index), edited clips (--only clips)", lk_bench_copies, false},
    {"mark", "the picture's watermark: change, cost, and what it survives (codecs: tools/bench_mark.py)", lk_bench_mark, true},
};

const lk_bench_name *lk_bench_names(void)
{
    static lk_bench_name names[LK_COUNT(rows) + 1];
    for (size_t i = 0; i < LK_COUNT(rows); i++) names[i] = (lk_bench_name){rows[i].name, rows[i].help};
    return names;
}

void lk_bench_line(const lk_bench *b, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    b->out(b->user, text);
}

/* The commit that was built, given by the build. */
static void cpu_name(char *out, size_t n)
{
    snprintf(out, n, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[256];
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "model name", 10)) continue;
        char *colon = strchr(line, ':');
        if (colon) snprintf(out, n, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (f) fclose(f);
    for (char *c = out; *c; c++)
        if (*c == ',' || *c == '"') *c = ' ';
}

/* Words in a column of their own: a comma in them would begin the next. */
static void csv_words(const char *text, char out[160])
{
    snprintf(out, 160, "%s", text);
    for (char *c = out; *c; c++)
        if (*c == ',' || *c == '"') *c = ';';
}

static lk_status csv_row(const lk_bench *b, const char *what, const char *figure, double value, const char *unit, lk_error *err)
{
    const char *path = b->job->csv;
    if (!path) return LK_OK;
    bool fresh = lk_file_size(path) <= 0;
    FILE *f = fopen(path, "ae");
    if (!f) return LK_FAIL(err, LK_E_IO, "the bench table %s cannot be opened for writing; choose another with --csv", path);
    char when[32], cpu[128], words[160], name[160];
    csv_words(what, words);
    csv_words(figure, name);
    lk_time_iso(lk_wall_time(), when);
    cpu_name(cpu, sizeof cpu);
    if (fresh) fprintf(f, "time,version,commit,cpu,threads,bench,case,figure,value,unit\n");
    fprintf(f, "%s,%s,%s,%s,%d,%s,%s,%s,%.6g,%s\n", when, lk_version(), LK_COMMIT, cpu, lk_thread_budget(), b->job->what, words, name, value, unit);
    if (fclose(f)) return LK_FAIL(err, LK_E_IO, "the bench table %s could not be written; is the disk full?", path);
    return LK_OK;
}

lk_status lk_bench_row(const lk_bench *b, const char *what, const char *figure, double value, const char *unit, const char *target, lk_error *err)
{
    lk_bench_line(b, "%-14s %-34s %10.4g %-10s %s", what, figure, value, unit, target);
    return csv_row(b, what, figure, value, unit, err);
}

static lk_status find_data(lk_bench *b, lk_error *err)
{
    const char *given = b->job->data ? b->job->data : getenv("LIKENESS_DATA");
    snprintf(b->data, sizeof b->data, "%s", given && *given ? given : "../shared/data");
    char probe[900];
    snprintf(probe, sizeof probe, "%s/actors", b->data);
    if (!lk_path_exists(probe))
        return LK_FAIL(err, LK_E_NOTFOUND, "the bench data is not in %s; say where it is with --data or LIKENESS_DATA", b->data);
    return LK_OK;
}

static lk_status find_work(lk_bench *b, lk_error *err)
{
    if (b->job->work) snprintf(b->work, sizeof b->work, "%s", b->job->work);
    else snprintf(b->work, sizeof b->work, "%s/likeness-bench-%ld", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (long)getpid());
    return lk_dir_make(b->work, err);
}

lk_status lk_bench_run(const lk_bench_job *job, lk_line_fn out, void *user, const lk_cancel *cancel,
                       const lk_progress_sink *progress, lk_error *err)
{
    lk_bench b = {.job = job, .out = out, .user = user, .cancel = cancel, .progress = progress};
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        if (strcmp(rows[i].name, job->what)) continue;
        if (rows[i].data) {
            LK_TRY(find_data(&b, err));
            LK_TRY(find_work(&b, err));
            lk_bench_line(&b, "results are kept in %s", b.work);
        }
        lk_bench_line(&b, "%-14s %-34s %10s %-10s %s", "case", "figure", "value", "unit", "target");
        return rows[i].run(&b, err);
    }
    return LK_FAIL(err, LK_E_ARG, "there is no bench \"%s\"; likeness bench lists them", job->what);
}

lk_status lk_bench_person(const lk_bench *b, lk_project *p, const char *name, const char *clip, lk_error *err)
{
    /* Rendered actors are known to be who they are; some two of them are alike enough to leave doubt. */
    lk_enroll_job job = {.subject = name, .clip = clip, .no_challenge = true, .reviewer = "who rendered the actors"};
    lk_status s = lk_people_add(p, name, true, NULL, err);
    if (s == LK_E_STATE) return LK_OK; /* a bench that goes on in the same folder */
    if (!s) s = lk_people_enroll(p, &job, NULL, NULL, b->cancel, b->progress, err);
    if (!s) s = lk_people_consent(p, name, "face-source,face-target", 30, "a synthetic actor who depicts nobody, for measuring", NULL, err);
    return s;
}
