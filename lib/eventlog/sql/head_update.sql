update log_head set position = $1, recorded_at = $2 where only_one
