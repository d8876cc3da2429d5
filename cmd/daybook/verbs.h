/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daybook's verbs: each asks the HTTP API, prints, and gives the exit status.
 *
 * Threads: main.
 */
#ifndef DAYBOOK_CMD_DAYBOOK_VERBS_H
#define DAYBOOK_CMD_DAYBOOK_VERBS_H
#include "base/program.h"

int order_place_run(struct invocation *invocation);
int order_show_run(struct invocation *invocation);
int order_history_run(struct invocation *invocation);
int order_ls_run(struct invocation *invocation);
int order_pay_run(struct invocation *invocation);
int order_ship_run(struct invocation *invocation);
int order_deliver_run(struct invocation *invocation);
int order_cancel_run(struct invocation *invocation);
int order_return_run(struct invocation *invocation);
int order_refund_run(struct invocation *invocation);

int stock_receive_run(struct invocation *invocation);
int stock_adjust_run(struct invocation *invocation);
int stock_show_run(struct invocation *invocation);
int stock_ls_run(struct invocation *invocation);

int stream_append_run(struct invocation *invocation);
int stream_read_run(struct invocation *invocation);
int stream_tail_run(struct invocation *invocation);

int event_show_run(struct invocation *invocation);
int event_trace_run(struct invocation *invocation);

int publisher_status_run(struct invocation *invocation);
int publisher_pause_run(struct invocation *invocation);
int publisher_resume_run(struct invocation *invocation);
int publisher_accept_run(struct invocation *invocation);

int dlq_ls_run(struct invocation *invocation);
int dlq_groups_run(struct invocation *invocation);
int dlq_show_run(struct invocation *invocation);
int dlq_redrive_run(struct invocation *invocation);
int dlq_discard_run(struct invocation *invocation);
int dlq_batch_run(struct invocation *invocation);
int audit_run(struct invocation *invocation);

int projection_ls_run(struct invocation *invocation);
int projection_show_run(struct invocation *invocation);
int projection_pause_run(struct invocation *invocation);
int projection_resume_run(struct invocation *invocation);
int projection_rebuild_run(struct invocation *invocation);
int projection_diff_run(struct invocation *invocation);
int projection_activate_run(struct invocation *invocation);
int projection_rollback_run(struct invocation *invocation);
int projection_drop_run(struct invocation *invocation);

int replay_topic_run(struct invocation *invocation);
int replay_stream_run(struct invocation *invocation);
int stream_export_run(struct invocation *invocation);
int stream_import_run(struct invocation *invocation);

int job_ls_run(struct invocation *invocation);
int job_attach_run(struct invocation *invocation);
int job_cancel_run(struct invocation *invocation);

int status_run(struct invocation *invocation);

#endif
