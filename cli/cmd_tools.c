/* cmd_tools.c: doctor, bench, demo, completion, manual. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

lk_status cmd_doctor(cli_args *a, lk_error *err)
{
    (void)a;
    return lk_doctor_run(cli_line, NULL, err);
}

lk_status cmd_bench(cli_args *a, lk_error *err)
{
    if (!a->arg_count) {
        for (const lk_bench_name *b = lk_bench_names(); b->name; b++) printf("%-10s %s\n", b->name, b->help);
        return LK_OK;
    }
    lk_bench_job job = {.what = a->args[0], .data = cli_str(a, "data"), .only = cli_str(a, "only"),
                        .minutes = cli_real(a, "minutes"), .work = cli_str(a, "work"), .csv = cli_str(a, "csv")};
    return lk_bench_run(&job, cli_line, NULL, a->cancel, &a->progress, err);
}

lk_status cmd_completion(cli_args *a, lk_error *err)
{
    if (cli_completion(stdout, a->args[0])) return LK_OK;
    return cli_usage_error(err, "completion is there for bash, zsh and fish, not for \"%s\"", a->args[0]);
}

lk_status cmd_manual(cli_args *a, lk_error *err)
{
    (void)a;
    (void)err;
    cli_man_page(stdout);
    return LK_OK;
}

/* The demo: the same jobs that a user would start one by one, on the bundled synthetic actors. */

static void say(const cli_args *a, const char *text)
{
    if (a->quiet) return;
    cli_progress_end();
    printf("\n%s\n", text);
    fflush(stdout);
}

/* A record's line begins with its number; the line that says there are none does not. */
static void count_records(void *user, const char *line)
{
    if (strlen(line) > 36 && line[8] == '-') ++*(int *)user;
}

/* An earlier demo in this folder may have added the actor, and may have been stopped before the record was signed. A
 * record that was withdrawn since stays withdrawn. */
static lk_status demo_person(cli_args *a, const char *name, const char *use, const char *clip, lk_error *err)
{
    lk_project *p = a->project;
    char id[37], record[37];
    int records = 0;
    lk_status s = lk_people_consents(p, name, count_records, &records, err);
    if (s == LK_E_NOTFOUND) s = lk_people_add(p, name, true, id, err);
    if (s || records) return s;
    lk_enroll_job job = {.subject = name, .clip = clip, .no_challenge = true}; /* actors who depict nobody cannot be asked */
    s = lk_people_enroll(a->project, &job, NULL, NULL, a->cancel, &a->progress, err);
    if (s) return s;
    return lk_people_consent(p, name, use, 30, "a synthetic actor who depicts nobody, for the demo", record, err);
}

static lk_status demo_import(cli_args *a, const char *name, const char *role, const char *clip, lk_error *err)
{
    lk_import_result *r = calloc(1, sizeof *r);
    if (!r) return LK_E_NOMEM;
    lk_import_job job = {.subject = name, .role = role, .files = &clip, .file_count = 1, .track = -1};
    lk_status s = lk_import_run(a->project, &job, r, a->cancel, &a->progress, err);
    if (!s) {
        cli_progress_end();
        printf("  %s: %lld frames, %lld faces kept\n", name, (long long)r->frames, (long long)r->kept);
    }
    free(r);
    return s;
}

lk_status cmd_demo(cli_args *a, lk_error *err)
{
    char dir[900], source[1024], target[1024], output[1024], sheet[1024], project[1024];
    const char *samples = lk_samples_where();
    if (!samples)
        return cli_usage_error(err, "the bundled clips are not there: run it from the source folder, or make install");
    snprintf(dir, sizeof dir, "%s", cli_str(a, "dir"));
    snprintf(project, sizeof project, "%s/project", dir);
    snprintf(source, sizeof source, "%s/actor-a-train.mp4", samples);
    snprintf(target, sizeof target, "%s/actor-b-performance.mp4", samples);
    snprintf(output, sizeof output, "%s/a-on-b.mp4", dir);
    snprintf(sheet, sizeof sheet, "%s/a-on-b.png", dir);
    if (mkdir(dir, 0777) && errno != EEXIST)
        return cli_usage_error(err, "the folder %s cannot be made: %s; choose another with --dir", dir, strerror(errno));
    lk_status s = lk_project_open(project, true, &a->project, err);
    if (s) return s;

    char line[256];
    say(a, "1. Two synthetic actors: who they are, and their signed consent records");
    s = demo_person(a, "actor-a", "face-source", source, err);
    if (!s) s = demo_person(a, "actor-b", "face-target", target, err);
    if (s) return s;
    say(a, "2. Their faces, gathered from the clips");
    s = demo_import(a, "actor-a", "source", source, err);
    if (!s) s = demo_import(a, "actor-b", "target", target, err);
    if (s) return s;

    snprintf(line, sizeof line, "3. A model, trained for %s minutes from the shipped base (Ctrl-C keeps what it learned)",
             cli_str(a, "minutes"));
    say(a, line);
    lk_train_job train = lk_train_defaults();
    lk_train_result trained;
    train.source = "actor-a";
    train.target = "actor-b";
    train.minutes = cli_real(a, "minutes");
    s = lk_train_swap(a->project, &train, &trained, a->cancel, &a->progress, err);
    if (s) return s;
    cli_progress_end();
    printf("  %lld steps, %.1f images/s, held-out SSIM %.3f\n", (long long)trained.steps, trained.images_per_second,
           trained.ssim_held_out);

    say(a, "4. The clip, rendered, labelled and written");
    lk_swap_job swap = lk_swap_defaults();
    lk_swap_result made;
    swap.model = "actor-a-on-actor-b";
    swap.input = target;
    swap.output = output;
    swap.sheet = sheet;
    s = lk_swap_run(a->project, &swap, &made, a->cancel, &a->progress, err);
    if (s) return s;
    cli_progress_end();
    printf("  %lld frames, %.1f frames/s\n", (long long)made.frames, made.frames_per_second);
    printf("\nThe clip:          %s\nThe contact sheet: %s\nThe model card:    likeness model show %s\n", output, sheet,
           trained.model_path);
    return LK_OK;
}
