/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daybookd's verbs: each gives the exit status.
 *
 * Threads: main.
 */
#ifndef DAYBOOK_CMD_DAYBOOKD_VERBS_H
#define DAYBOOK_CMD_DAYBOOKD_VERBS_H
#include "base/program.h"

extern const struct program_option verify_options[];
extern const struct program_option bench_append_options[];
extern const struct program_option bench_follow_options[]; /* of publish and project */
extern const struct program_option bench_rebuild_options[];

int serve_run(struct invocation *invocation);
int publish_run(struct invocation *invocation);
int project_run(struct invocation *invocation);
int migrate_up_run(struct invocation *invocation);
int migrate_status_run(struct invocation *invocation);
int verify_verb_run(struct invocation *invocation);
int bench_append_run(struct invocation *invocation);
int bench_publish_run(struct invocation *invocation);
int bench_project_run(struct invocation *invocation);
int bench_rebuild_run(struct invocation *invocation);
int config_check_run(struct invocation *invocation);
int config_print_run(struct invocation *invocation);
int config_explain_run(struct invocation *invocation);

#endif
