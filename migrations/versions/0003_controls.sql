-- Spending, lockdown, MCP: what holds an agent back.
select 1;
