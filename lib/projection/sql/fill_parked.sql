-- What a fill left behind parked keys, for people: the last version of each stream.
update parked_keys k
set last_version = greatest(k.last_version, s.version)
from streams s
where k.projection = $1 and k.generation = $2 and s.tenant = k.tenant and s.name = k.stream
