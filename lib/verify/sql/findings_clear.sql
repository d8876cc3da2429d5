delete from verify_findings where job = $1
