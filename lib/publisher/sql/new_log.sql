-- $1 the new UUID, $2 the new topics' prefix
update log_info set id = $1::uuid, prefix = $2
