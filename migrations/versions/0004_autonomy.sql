-- Outcomes, certificates, audits, levels, memory: what an agent has earned.
select 1;
