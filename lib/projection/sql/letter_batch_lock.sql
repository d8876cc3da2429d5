-- The letters of batch $1's open requests, before the requests themselves: as their owner does.
select id from dead_letters
where id in (select letter from dead_letter_requests where batch = $1 and done_at is null)
order by id
for update
