-- How far a fill may go: everything at or below the published cursor has its topic and partition in
-- it. 0: nothing was published.
select coalesce((select c.position from publisher_cursor c join log_info i on i.id = c.log_id), 0)
