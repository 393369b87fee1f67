-- Roles, drafts, notifications: the people of the console.
select 1;
