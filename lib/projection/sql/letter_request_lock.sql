-- Whether a request is still to be done; its letter is locked already.
select id from dead_letter_requests where id = $1 and done_at is null for update
